"""Two models on the same rows: is the difference more than luck?

Shares of rows: the exact test of McNemar (1947) and the interval of Newcombe (1998). All else:
the paired bootstrap of Koehn (2004), which draws the same rows for both models. As it is too sure
of itself with few rows, its p-value is never below that of n coins that fall alike, 2 / 2ⁿ; so
fewer than 6 rows decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..errors import DataError
from . import bootstrap
from .measure import Metric, Texts, about, share, with_ones
from .scores import row_counts, text_metric
from .shares import mcnemar, paired_interval

NAMES = ("The first model", "The second model")

LEVEL = 0.05
"""From this p-value on, a difference is called chance."""

Found: TypeAlias = tuple[float, tuple[float, float] | None, float]
"""Difference, its interval, its p-value."""


@dataclass(frozen=True)
class Paired:
    """Two models on the same rows."""

    n: int
    """Rows."""

    gained: int
    """Rows on which the second model scores higher."""

    lost: int
    """Rows on which the first model scores higher."""

    difference: float
    """Metric of the second less that of the first."""

    interval: tuple[float, float] | None
    """95 % interval of the difference; None for a single row."""

    p_value: float
    """Chance of a difference this far from 0 if both were equally good, two-sided."""

    sentence: str
    """The result in words."""


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    *,
    seed: int = 0,
    names: tuple[str, str] = NAMES,
    higher_is_better: bool = True,
) -> Paired:
    """Compare the scores of two models on the same rows.

    Rows that are all 0 or 1 are compared as shares, others by their mean.

    Args:
        first: Scores of the first model, `(rows,)`.
        second: Scores of the second model on the same rows, `(rows,)`.
        seed: Seed of the bootstrap.
        names: What the sentence calls the two.
        higher_is_better: Whether more is better.

    Raises:
        DataError: The scores are not equally many, none at all, or not numbers.
    """
    mean = Metric(None, share, about("mean"), higher_is_better=higher_is_better)
    counts = (with_ones(first), with_ones(second))
    return paired_counts(mean, counts, seed=seed, names=names)


def paired_texts(
    name: str,
    first: Texts,
    second: Texts,
    references: Texts,
    *,
    seed: int = 0,
    names: tuple[str, str] = NAMES,
) -> Paired:
    """Compare the answers of two models by a metric over all rows, as corpus BLEU.

    Args:
        name: A metric of `METRICS` that texts alone can tell.
        first: Answers of the first model.
        second: Answers of the second model to the same rows.
        references: What should have been answered.
        seed: Seed of the bootstrap.
        names: What the sentence calls the two.
    """
    metric = text_metric(name)
    counts = (row_counts(name, first, references), row_counts(name, second, references))
    return paired_counts(metric, counts, seed=seed, names=names)


def paired_counts(
    metric: Metric,
    counts: tuple[np.ndarray, np.ndarray],
    *,
    seed: int = 0,
    names: tuple[str, str] = NAMES,
) -> Paired:
    """Compare two models by their `(rows, k)` counts of one metric on the same rows."""
    _check(*counts)
    old, new = ((metric.rows or metric.total)(part) for part in counts)
    gained, lost = int((new > old).sum()), int((new < old).sum())
    if metric.total is share and _is_binary(counts):
        found = _shares(old > 0, new > 0)
    else:
        found = _totals(metric, counts, seed)
    difference, interval, p_value = found
    sign = 1 if metric.higher_is_better else -1
    gain = (sign * difference, _turned(interval, sign), p_value)
    return Paired(len(old), gained, lost, *found, sentence(gain, len(old), names))


def sentence(gain: Found, n: int, names: tuple[str, str] = NAMES) -> str:
    """Return who is better, or that it cannot be told.

    Args:
        gain: How much better the second model is, the interval of that and its p-value.
        n: Rows.
        names: What to call the two.
    """
    value, interval, p_value = gain
    if interval is None or interval[0] <= 0 <= interval[1] or p_value >= LEVEL:
        return f"The difference is too close to call with n = {n}: {_said(value, interval)}."
    better, sign = (names[1], 1) if value > 0 else (names[0], -1)
    return f"{better} is better by {_said(sign * value, _turned(interval, sign))} on {n} rows."


def _said(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.3g}" + (f" [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else "")


def _turned(interval: tuple[float, float] | None, sign: int) -> tuple[float, float] | None:
    if interval is None or sign > 0:
        return interval
    return -interval[1], -interval[0]


def _shares(first: np.ndarray, second: np.ndarray) -> Found:
    gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
    both, n = int((first & second).sum()), len(first)
    return (gained - lost) / n, paired_interval(both, gained, lost, n), mcnemar(gained, lost)


def _totals(metric: Metric, counts: tuple[np.ndarray, np.ndarray], seed: int) -> Found:
    """Draw rows anew, the same for both, and see how often the difference changes its side."""
    old, new = (float(metric.total(part.sum(axis=0))) for part in counts)
    if len(counts[0]) < 2:
        return new - old, None, 1.0
    sums = bootstrap.resampled(np.concatenate(counts, axis=1), seed=seed)
    before, after = (metric.total(part) for part in np.split(sums, [counts[0].shape[1]], axis=1))
    drawn = after - before
    tail = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p_value = max(2 * (tail + 1) / (len(drawn) + 1), 2 ** (1 - len(counts[0])))
    return new - old, bootstrap.middle(drawn), min(1.0, p_value)


def _is_binary(counts: tuple[np.ndarray, np.ndarray]) -> bool:
    return all(
        bool(np.isin(part[:, 0], (0, 1)).all() and (part[:, 1] == 1).all()) for part in counts
    )


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if len(first) != len(second) or not len(first):
        raise DataError(
            "Two models must be compared on the same rows, at least one; "
            f"got {len(first)} and {len(second)}.",
            hint="Evaluate both models on one list of rows.",
        )
    bad = ~(np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1))
    if bad.any():
        raise DataError(
            f"A score to compare must be a number; row {bad.argmax() + 1} has none.",
            hint="Leave rows without a score out of both models.",
        )
