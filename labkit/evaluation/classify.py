"""One model on labelled rows: what it answered, how sure it was, how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import metrics
from .kinds import Model, Note, Progress, Rows, Tokenizer
from .labels import label_scores


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

    labels: tuple[str, ...]
    """The labels, in the order of the matrices below."""

    per_label: dict[str, metrics.LabelMetrics]
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


def evaluate_classification(
    model: Model,
    tokenizer: Tokenizer,
    prompts: Rows,
    completions: dict[str, list[int]],
    gold: Sequence[str],
    progress: Progress | None = None,
) -> Evaluation:
    """Answer every prompt with its likeliest label and count.

    Args:
        model: A causal language model.
        tokenizer: A tokenizer, or the number of the token that ends a completion.
        prompts: Token ids of each row's prompt.
        completions: Token ids of each label as it follows a prompt, without the end token.
        gold: The right label of each row.
        progress: Called with (rows done, rows in all).
    """
    notes: list[str] = []
    note: Note = notes.append
    labels = tuple(completions)
    metrics.check_labels(gold, labels)  # before the long work
    scores = label_scores(model, tokenizer, prompts, list(completions.values()), progress, note)
    return summarise(scores, labels, gold, notes)


def summarise(
    scores: np.ndarray, labels: Sequence[str], gold: Sequence[str], notes: Sequence[str] = ()
) -> Evaluation:
    """Turn `(rows, labels)` log-likelihoods in nats into answers and their quality."""
    predictions = tuple(labels[i] for i in scores.argmax(axis=1))
    counts = metrics.confusion_matrix(predictions, gold, labels)
    found = metrics.per_label(counts)
    hits = int(metrics.right(predictions, gold).sum())
    return Evaluation(
        n=len(gold),
        accuracy=hits / len(gold),
        interval=metrics.wilson(hits, len(gold)),
        macro_f1=metrics.macro_f1(found),
        labels=tuple(labels),
        per_label=dict(zip(labels, found, strict=True)),
        confusion=tuple(tuple(row) for row in counts.tolist()),
        gold=tuple(gold),
        predictions=predictions,
        probabilities=tuple(tuple(row) for row in metrics.softmax(scores).tolist()),
        notes=tuple(notes),
    )
