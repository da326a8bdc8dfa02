"""How much would a metric change with other rows? Drawn again from the rows that are there.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993: percentile interval.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000
"""How often the rows are drawn anew, with replacement, as many as there are."""

_AT_ONCE = 100

Total = Callable[[np.ndarray], np.ndarray]


def resampled(counts: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Return the sums of `(rows, k)` counts over each resample, `(RESAMPLES, k)`.

    A resample is how often each row was drawn, so that adding up is one matrix product.
    """
    draw, n = np.random.default_rng(seed), len(counts)
    even = np.full(n, 1 / n)
    parts = [draw.multinomial(n, even, _AT_ONCE) @ counts for _ in range(RESAMPLES // _AT_ONCE)]
    return np.concatenate(parts)


def interval(counts: np.ndarray, total: Total, *, seed: int = 0) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a metric; None for one row, which tells nothing.

    Args:
        counts: `(rows, k)` numbers that may be added up over rows.
        total: From sums `(..., k)` to the metric `(...)`.
        seed: Makes the draws repeatable.
    """
    if len(counts) < 2:
        return None
    return middle(total(resampled(counts, seed=seed)))


def middle(values: np.ndarray) -> tuple[float, float]:
    """Return the bounds between which 95 % of the values lie."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
