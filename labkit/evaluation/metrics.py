"""Numbers with their uncertainty: accuracy, F1, confusion, paired comparison, perplexity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError

Z95 = 1.959963984540054
"""Half-width of a two-sided 95 % interval, in standard deviations of a normal distribution."""


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share: `hits` out of `n`."""
    if n < 1:
        raise DataError("A share needs at least one row; got 0.", "Give rows to evaluate on.")
    share, spread = hits / n, Z95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def accuracy(predictions: Sequence[str], gold: Sequence[str]) -> float:
    """Return the share of predictions that equal the gold answer, 0 to 1."""
    return float(np.mean(right(predictions, gold)))


def right(predictions: Sequence[str], gold: Sequence[str]) -> np.ndarray:
    """Return which predictions equal the gold answer, `(rows,)` bool."""
    if len(predictions) != len(gold) or not len(gold):
        raise DataError(
            "Predictions and gold answers must be equally many, and at least one; "
            f"got {len(predictions)} and {len(gold)}.",
            hint="Pass one prediction for every evaluated row.",
        )
    return np.array([p == g for p, g in zip(predictions, gold, strict=True)])


def confusion_matrix(
    predictions: Sequence[str], gold: Sequence[str], labels: Sequence[str]
) -> np.ndarray:
    """Count the answers, `(labels, labels)` int: a row per gold label, a column per prediction."""
    check_labels([*gold, *predictions], labels)
    at = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    for p, g in zip(predictions, gold, strict=True):
        counts[at[g], at[p]] += 1
    return counts


def check_labels(answers: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse an answer that is none of the labels."""
    unknown = next((answer for answer in answers if answer not in labels), None)
    if unknown is not None:
        known = ", ".join(map(repr, labels))
        hint = "Check the label column of the rows to evaluate."
        raise DataError(f"Every answer must be one of {known}; got {unknown!r}.", hint)


@dataclass(frozen=True)
class LabelMetrics:
    """How one label fares; a share without a denominator is 0."""

    precision: float
    """Share of the predictions of this label that are right, 0 to 1."""

    recall: float
    """Share of this label's rows that were found, 0 to 1."""

    f1: float
    """Harmonic mean of precision and recall, 0 to 1."""

    support: int
    """Rows that have this label."""

    predicted: int
    """Rows that were given this label."""


def per_label(counts: np.ndarray) -> list[LabelMetrics]:
    """Return the metrics of each label from a confusion matrix."""
    return [_label_metrics(counts, i) for i in range(len(counts))]


def _label_metrics(counts: np.ndarray, i: int) -> LabelMetrics:
    hits, support, predicted = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
    return LabelMetrics(
        precision=hits / max(1, predicted),
        recall=hits / max(1, support),
        f1=2 * hits / max(1, predicted + support),
        support=support,
        predicted=predicted,
    )


def macro_f1(metrics: Sequence[LabelMetrics]) -> float:
    """Return the mean F1 over the labels that occur in the rows or in the predictions."""
    seen = [m.f1 for m in metrics if m.support or m.predicted]
    return float(np.mean(seen)) if seen else 0.0


@dataclass(frozen=True)
class Paired:
    """Two models on the same rows."""

    n: int
    """Rows."""

    gained: int
    """Rows that only the second model has right."""

    lost: int
    """Rows that only the first model has right."""

    difference: float
    """Accuracy of the second less that of the first, −1 to 1."""

    interval: tuple[float, float]
    """95 % interval of the difference."""

    p_value: float
    """Exact McNemar test: chance of a split this uneven if both were equally good."""


def paired(first: np.ndarray, second: np.ndarray) -> Paired:
    """Compare two `(rows,)` bool arrays of right answers on the same rows."""
    gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
    both, n = int((first & second).sum()), len(first)
    return Paired(
        n=n,
        gained=gained,
        lost=lost,
        difference=(gained - lost) / n,
        interval=paired_interval(both, gained, lost, n),
        p_value=mcnemar(gained, lost),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value: are the rows where two models differ split evenly?"""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / (1 << n))


def paired_interval(both: int, gained: int, lost: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired shares, from the two Wilson intervals.

    Newcombe (1998), method 10: it stays inside −1 to 1 and has a width even where nothing changed.
    """
    old, new = both + lost, both + gained
    (old_low, old_high), (new_low, new_high) = wilson(old, n), wilson(new, n)
    p, q = old / n, new / n
    phi = _correlation(both, gained, lost, n)
    below = _joined(q - new_low, old_high - p, phi)
    above = _joined(new_high - q, p - old_low, phi)
    return max(-1.0, q - p - below), min(1.0, q - p + above)


def _joined(a: float, b: float, phi: float) -> float:
    """Return the spread of a difference whose two parts spread by `a` and `b`."""
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def _correlation(both: int, gained: int, lost: int, n: int) -> float:
    """Return how alike two models are right, continuity-corrected where they are alike."""
    neither = n - both - gained - lost
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    if not margins:
        return 0.0
    surplus = float(both * neither - gained * lost)
    if surplus > 0:
        surplus = max(0.0, surplus - n / 2)
    return surplus / math.sqrt(margins)


def perplexity(loss: float) -> float:
    """Return exp of a mean loss in nats per target token: choices the model wavers between."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn `(rows, labels)` log-likelihoods into probabilities that sum to 1 over the labels."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return shares
