"""One model on labelled rows: what it answered, how sure it was, how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import SpecError
from . import calibration
from .kinds import Model, Note, Progress
from .labels import label_scores
from .measure import Measure
from .metrics import LabelMetrics, check_labels, confusion_matrix, per_label, right, softmax
from .rows import LabelRows
from .scores import METRICS, TASKS, score_texts


@dataclass(frozen=True)
class Evaluation:
    """Answers of one model on labelled rows."""

    n: int
    """Rows."""

    accuracy: float
    """Share of right answers, 0 to 1."""

    interval: tuple[float, float]
    """95 % interval of the accuracy (Wilson)."""

    macro_f1: float
    """Mean F1 over the labels that occur."""

    micro_f1: float
    """F1 of all labels' hits together: the accuracy, as every row has one label."""

    weighted_f1: float
    """Mean F1 over the labels, weighted by their rows."""

    ece: float
    """Expected calibration error, 0 to 1: how far sureness and rightness are apart."""

    metrics: dict[str, Measure]
    """Every metric with its interval, the primary one first."""

    labels: tuple[str, ...]
    """The labels, in the order of the matrices below."""

    per_label: dict[str, LabelMetrics]
    """Precision, recall, F1, support of each label."""

    confusion: tuple[tuple[int, ...], ...]
    """Counts: a row per gold label, a column per predicted one."""

    gold: tuple[str, ...]
    """The right answer of each row."""

    predictions: tuple[str, ...]
    """The model's answer to each row: its likeliest label."""

    probabilities: tuple[tuple[float, ...], ...]
    """Each row's likelihoods over the labels, scaled to sum to 1."""

    notes: tuple[str, ...] = ()
    """Sentences for the reader."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)

    def only(self, names: Sequence[str]) -> Evaluation:
        """Return the evaluation with these metrics alone among its `metrics`.

        Raises:
            SpecError: A metric is none of a classification's.
        """
        unfit = next((name for name in names if name not in self.metrics), None)
        if unfit is not None:
            hint = f"Take some of {', '.join(self.metrics)}."
            raise SpecError(f"metrics must fit a classification; got {unfit!r}.", hint)
        return replace(self, metrics={name: self.metrics[name] for name in names})


def evaluate_classification(
    model: Model,
    rows: LabelRows,
    *,
    prior: Sequence[int] | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Evaluation:
    """Answer every prompt with its likeliest label and count.

    Args:
        model: A causal language model.
        rows: Prompts, labels and right answers.
        prior: Token ids of a prompt without content; each label's likelihood is divided by that
            after it.
        progress: Called with (rows done, rows in all).
        seed: Seed of the bootstrap.
    """
    notes: list[str] = []
    note: Note = notes.append
    check_labels(rows.gold, tuple(rows.completions))  # before the long work
    forms = list(rows.completions.values())
    scores = label_scores(model, rows.end, rows.prompts, forms, progress, note)
    if prior is not None:
        scores = calibration.corrected(scores, label_scores(model, rows.end, [prior], forms)[0])
        note("Likelihoods of labels were divided by those after a prompt without content.")
    return summarise(scores, tuple(rows.completions), rows.gold, notes, seed=seed)


def summarise(
    scores: np.ndarray,
    labels: Sequence[str],
    gold: Sequence[str],
    notes: Sequence[str] = (),
    *,
    seed: int = 0,
) -> Evaluation:
    """Turn `(rows, labels)` log-likelihoods in nats into answers and their quality."""
    predictions = tuple(labels[i] for i in scores.argmax(axis=1))
    counts = confusion_matrix(predictions, gold, labels)
    probabilities = softmax(scores)
    found = score_texts(predictions, gold, TASKS["classification"], seed=seed)
    bins = calibration.bin_counts(probabilities.max(axis=1), right(predictions, gold))
    found["ece"] = METRICS["ece"].measure(bins, seed=seed)
    return Evaluation(
        n=len(gold),
        accuracy=found["accuracy"].value,
        interval=found["accuracy"].interval or (0.0, 1.0),
        macro_f1=found["macro_f1"].value,
        micro_f1=found["micro_f1"].value,
        weighted_f1=found["weighted_f1"].value,
        ece=found["ece"].value,
        metrics=found,
        labels=tuple(labels),
        per_label=dict(zip(labels, per_label(counts), strict=True)),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        gold=tuple(gold),
        predictions=predictions,
        probabilities=tuple(tuple(row) for row in probabilities.tolist()),
        notes=tuple(notes),
    )
