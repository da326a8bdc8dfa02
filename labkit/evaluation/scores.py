"""The metrics by name, and texts measured by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import DataError, SpecError, near
from . import calibration, entities, extraction, labelled, summaries, text
from .measure import Measure, Metric, Texts, about, share


def _exponential(sums: np.ndarray) -> np.ndarray:
    """Return exp of nats per token of `(..., 2)` sums of nats and tokens."""
    with np.errstate(over="ignore"):
        values: np.ndarray = np.exp(share(sums))
    return values


def _rouge(name: str) -> Metric:
    return Metric(summaries.rouge_counts(name), share, summaries.rouge_about)


_FIELDS = "(field, value) pairs of all rows together, case and blanks aside"

METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(
        labelled.right_counts, share, about("share of right labels; Wilson interval"), is_share=True
    ),
    "macro_f1": Metric(
        labelled.label_counts, labelled.macro_f1, about("mean F1 of the labels that occur")
    ),
    "micro_f1": Metric(
        labelled.label_counts, labelled.micro_f1, about("F1 of all labels' hits together")
    ),
    "weighted_f1": Metric(
        labelled.label_counts, labelled.weighted_f1, about("mean F1, labels weighted by their rows")
    ),
    "ece": Metric(
        None,
        calibration.ece,
        about(f"expected calibration error, {calibration.BINS} bins of equal width"),
        higher_is_better=False,
    ),
    "exact_match": Metric(
        text.exact_counts,
        share,
        about("share equal to the reference, blanks at the ends aside; Wilson interval"),
        is_share=True,
    ),
    "retrieval_accuracy": Metric(
        text.exact_counts,
        share,
        about("share of texts whose own completion is the nearest of all; Wilson interval"),
        is_share=True,
    ),
    "bleu": Metric(text.bleu_counts, text.bleu_total, text.bleu_about, rows=text.bleu_rows),
    "chrf": Metric(text.chrf_counts, text.chrf_total, text.chrf_about),
    "rouge1": _rouge("rouge1"),
    "rouge2": _rouge("rouge2"),
    "rougeL": _rouge("rougeL"),
    "perplexity": Metric(
        None,
        _exponential,
        about("exp of the mean loss in nats per token of the references"),
        higher_is_better=False,
    ),
    "valid_json": Metric(
        extraction.valid_counts,
        share,
        about("share that is a JSON object as a whole, a code fence aside; Wilson interval"),
        is_share=True,
    ),
    "field_precision": Metric(
        extraction.field_counts, extraction.precision, about(f"precision over {_FIELDS}")
    ),
    "field_recall": Metric(
        extraction.field_counts, extraction.recall, about(f"recall over {_FIELDS}")
    ),
    "field_f1": Metric(extraction.field_counts, extraction.f1, about(f"F1 over {_FIELDS}")),
    "entity_f1": Metric(
        entities.entity_counts, extraction.f1, about("F1 over whole entities of all rows together")
    ),
    "length_ratio": Metric(
        summaries.length_counts,
        share,
        about("words of the answers over words of the references; 1 is as long"),
        higher_is_better=False,
    ),
}
"""All metrics by name."""

TASKS: Mapping[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1", "micro_f1", "weighted_f1"),
    "generation": ("chrf", "bleu", "rouge1", "rouge2", "rougeL", "exact_match"),
    "extraction": ("field_f1", "field_precision", "field_recall", "valid_json", "exact_match"),
    "summarisation": ("rougeL", "rouge1", "rouge2", "chrf", "length_ratio"),
    "retrieval": ("retrieval_accuracy",),
}
"""What is measured for each task, its primary metric first.

Beside them `evaluate` gives what only the model can tell: `ece` of labels, `perplexity` of texts.
"""


def metrics_for(task: str, references: Texts = ()) -> tuple[str, ...]:
    """Return the names of a task's metrics, the primary one first.

    Args:
        task: `classification`, `generation`, `extraction` or `summarisation`.
        references: With them, an extraction of entities is measured as such.
    """
    names = TASKS[task]
    if task != "extraction" or not entities.has_entities(references):
        return names
    if any(map(entities.is_tagged, references)):
        return ("entity_f1", "exact_match")
    return (*names, "entity_f1")


def score_texts(
    answers: Texts, references: Texts, names: Sequence[str], *, seed: int = 0
) -> dict[str, Measure]:
    """Measure answers against their references.

    Args:
        answers: What a model wrote, one text a row.
        references: What it should have written.
        names: Metrics of `METRICS` that texts alone can tell.
        seed: Seed of the bootstrap.

    Raises:
        SpecError: A metric is unknown, or needs more than texts.
        DataError: Answers and references are not equally many, or none.
    """
    _check_rows(answers, references)
    found = {name: text_metric(name) for name in names}
    return {
        name: metric.measure(row_counts(name, answers, references), seed=seed)
        for name, metric in found.items()
    }


def row_scores(name: str, answers: Texts, references: Texts) -> np.ndarray:
    """Return a metric of every row by itself, `(rows,)`; of BLEU the sentence BLEU.

    Raises:
        SpecError: The metric is unknown, or needs more than texts.
        DataError: Answers and references are not equally many, or none.
    """
    metric = text_metric(name)
    return (metric.rows or metric.total)(row_counts(name, answers, references))


def row_counts(name: str, answers: Texts, references: Texts) -> np.ndarray:
    """Return what a metric counts in each row, `(rows, k)`, to be added up over rows."""
    metric = text_metric(name)
    _check_rows(answers, references)
    assert metric.counts is not None
    return metric.counts(answers, references)


def metric_named(name: str) -> Metric:
    """Return the metric of a name."""
    if name not in METRICS:
        hint = near(name, METRICS, f"The metrics are {', '.join(METRICS)}.")
        raise SpecError(f"metrics must name known metrics; got {name!r}.", hint)
    return METRICS[name]


def text_metric(name: str) -> Metric:
    """Return the metric of a name, which answers and references must suffice for."""
    metric = metric_named(name)
    if metric.counts is None:
        raise SpecError(
            f"The metric {name} needs the model's probabilities; got texts alone.",
            hint="Evaluate a run, or leave this metric out.",
        )
    return metric


def _check_rows(answers: Texts, references: Texts) -> None:
    if len(answers) != len(references) or not len(answers):
        raise DataError(
            "Answers and references must be equally many, and at least one; "
            f"got {len(answers)} and {len(references)}.",
            hint="Pass one answer for every reference.",
        )
