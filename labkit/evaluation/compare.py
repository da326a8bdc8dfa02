"""Base beside tuned on the same rows: what changed, by how much, and is it more than luck?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import DataError
from .answers import GenerationEvaluation
from .classify import Evaluation
from .metrics import right
from .paired import Paired, paired_counts, paired_difference, paired_texts
from .scores import METRICS

NAMES = ("The base model", "The tuned model")
"""What a sentence calls the two by default."""

SHOWN = 5
"""Corrections, and regressions, that are shown to the reader."""


@dataclass(frozen=True)
class Change:
    """One row that two models answered differently."""

    row: int
    """Position among the evaluated rows, from 0."""

    text: str
    """The row as the reader knows it."""

    gold: str
    """The right answer."""

    base: str
    """The base model's answer."""

    tuned: str
    """The tuned model's answer."""

    probability: float
    """The tuned model's probability for its answer, 0 to 1."""


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows."""

    paired: Paired
    """Difference in accuracy, its interval and its p-value."""

    sentence: str
    """The result in words."""

    corrections: tuple[Change, ...]
    """Wrong before and right now: the most confident first."""

    regressions: tuple[Change, ...]
    """Right before and wrong now: the most confident first."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)


def compare(
    base: Evaluation,
    tuned: Evaluation,
    texts: Sequence[str],
    shown: int = SHOWN,
    *,
    names: tuple[str, str] = NAMES,
) -> Comparison:
    """Set two evaluations of the same rows side by side.

    Args:
        base: The first model's evaluation.
        tuned: The second model's evaluation.
        texts: Each row as the reader knows it.
        shown: Most corrections, and most regressions, to name.
        names: What the sentence calls the two.

    Raises:
        DataError: The two were not measured on the same rows.
    """
    if base.gold != tuned.gold or len(texts) != tuned.n:
        raise _other_rows(f"{base.n}, {tuned.n} and {len(texts)} texts")
    before = right(base.predictions, base.gold)
    after = right(tuned.predictions, tuned.gold)
    changes = [_change(base, tuned, texts, i) for i in (before != after).nonzero()[0].tolist()]
    changes.sort(key=lambda change: -change.probability)
    found = paired_difference(before, after, names=names)
    return Comparison(
        paired=found,
        sentence=found.sentence,
        corrections=tuple(c for c in changes if c.tuned == c.gold)[:shown],
        regressions=tuple(c for c in changes if c.base == c.gold)[:shown],
    )


@dataclass(frozen=True)
class TextComparison:
    """Two models' texts on the same rows, by one metric."""

    metric: str
    """Name of the metric."""

    n: int
    """Rows that both were measured on."""

    difference: float
    """Metric of the second model less that of the first."""

    interval: tuple[float, float] | None
    """95 % interval of the difference; None for a single row."""

    p_value: float
    """Chance of a difference this far from 0 if both were equally good, two-sided."""

    sentence: str
    """The result in words."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)


def compare_texts(
    base: GenerationEvaluation,
    tuned: GenerationEvaluation,
    metric: str | None = None,
    *,
    seed: int = 0,
    names: tuple[str, str] = NAMES,
) -> TextComparison:
    """Set two evaluations of the same rows side by side, by one metric over all rows.

    Args:
        base: The first model's evaluation.
        tuned: The second model's evaluation.
        metric: A metric of text; None for the first one that was measured.
        seed: Seed of the bootstrap.
        names: What the sentence calls the two.

    Raises:
        DataError: The two were not measured on the same rows.
    """
    if base.references != tuned.references or base.n != tuned.n:
        raise _other_rows(f"{base.n_answers} and {tuned.n_answers} answers")
    metric = metric or next(iter(tuned.metrics))
    if metric == "perplexity":
        losses = (base.losses, tuned.losses)
        found = paired_counts(METRICS[metric], losses, seed=seed, names=names)
    else:
        texts = (base.answers, tuned.answers, tuned.references)
        found = paired_texts(metric, *texts, seed=seed, names=names)
    return TextComparison(
        metric, found.n, found.difference, found.interval, found.p_value, found.sentence
    )


def _other_rows(got: str) -> DataError:
    return DataError(
        f"Two models must be compared on the same rows; got {got}, or other answers expected.",
        hint="Evaluate both models on one list of rows.",
    )


def _change(base: Evaluation, tuned: Evaluation, texts: Sequence[str], i: int) -> Change:
    return Change(
        row=i,
        text=texts[i],
        gold=tuned.gold[i],
        base=base.predictions[i],
        tuned=tuned.predictions[i],
        probability=max(tuned.probabilities[i]),
    )
