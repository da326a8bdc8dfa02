"""Numbers about labels and shares: accuracy, F1, confusion, Wilson interval, perplexity."""

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
