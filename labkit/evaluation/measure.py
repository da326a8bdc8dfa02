"""A number with its uncertainty, and the metric behind it: counts of rows that are added up.

Every metric here is a function of sums over rows. So one pass over the texts is enough for its
value, its bootstrap interval and the paired comparison of two models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from . import bootstrap
from .metrics import wilson

Texts: TypeAlias = Sequence[str]
"""One text a row."""

Counts: TypeAlias = Callable[[Texts, Texts], np.ndarray]
"""From answers and references to `(rows, k)` numbers that may be added up over rows."""

Total: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From sums `(..., k)` to the metric's values `(...)`."""


@dataclass(frozen=True)
class Measure:
    """One metric of one model, with what it was counted on."""

    value: float
    """The metric over all rows."""

    interval: tuple[float, float] | None
    """95 % interval: Wilson for shares, else bootstrap over rows; None if it cannot be had."""

    n: int
    """Rows."""

    higher_is_better: bool
    """Whether more is better."""

    about: str
    """What was counted and how, with the signature of the library that did."""


@dataclass(frozen=True)
class Metric:
    """How a metric is counted."""

    counts: Counts | None
    """Counts of each row; None where texts do not tell, as for perplexity."""

    total: Total
    """The metric from counts that were added up."""

    about: Callable[[], str]
    """What is counted and how."""

    rows: Total | None = None
    """Score of a single row from its counts; None where `total` serves."""

    higher_is_better: bool = True
    """Whether more is better."""

    is_share: bool = False
    """Whether it is a share of rows: hits in the first column of the counts."""

    def measure(self, counts: np.ndarray, *, seed: int = 0) -> Measure:
        """Return the value and its interval from `(rows, k)` counts."""
        return Measure(
            value=float(self.total(counts.sum(axis=0))),
            interval=self._interval(counts, seed),
            n=len(counts),
            higher_is_better=self.higher_is_better,
            about=self.about(),
        )

    def _interval(self, counts: np.ndarray, seed: int) -> tuple[float, float] | None:
        if self.is_share:
            return wilson(int(counts[:, 0].sum()), len(counts))
        return bootstrap.interval(counts, self.total, seed=seed)


def about(text: str) -> Callable[[], str]:
    """Return a function that says always the same."""
    return lambda: text


def share(sums: np.ndarray) -> np.ndarray:
    """Return first column over second, `(..., 2)` to `(...)`; the second counts as 1 at least."""
    found: np.ndarray = sums[..., 0] / np.maximum(1, sums[..., 1])
    return found


def with_ones(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return `(rows, 2)` counts whose `share` is the mean of `(rows,)` values."""
    column = np.asarray(values, float)
    return np.stack([column, np.ones_like(column)], axis=1)
