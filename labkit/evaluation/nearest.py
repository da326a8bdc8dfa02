"""Answers of an encoder: what a text is nearest to.

A text of a classification has the label of the training text nearest to it; a text with a
completion finds it among the completions of all rows. Either way the share of right answers is the
encoder's retrieval accuracy: how often the first thing found is the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import SpecError
from .classify import Evaluation, summarise
from .kinds import Model, Progress
from .measure import Measure
from .rows import SentenceRows
from .scores import TASKS, score_texts

TEMPERATURE = 0.05
"""Similarities are divided by it before they become likelihoods (Gao et al., 2021, SimCSE)."""

NEAREST = (
    "An answer is the label of the nearest of {n} training texts, by the cosine of their "
    "embeddings: the accuracy is the retrieval accuracy (first hit)."
)
FOUND = "An answer is the nearest of {n} different completions, by the cosine of their embeddings."


@dataclass(frozen=True)
class Retrieval:
    """What an encoder found for texts that have one completion each."""

    n: int
    """Texts."""

    n_answers: int
    """The same."""

    retrieval_accuracy: float
    """Share of texts that are nearest to their own completion, 0 to 1."""

    interval: tuple[float, float]
    """95 % interval of the share (Wilson)."""

    mean_reciprocal_rank: float
    """Mean of 1 / place of the right completion, the nearest being first, 0 to 1."""

    answers: tuple[str, ...]
    """The completion that was found first for each text."""

    references: tuple[str, ...]
    """Its own completion."""

    prompts: tuple[str, ...]
    """The texts."""

    metrics: dict[str, Measure]
    """Every metric with its interval."""

    notes: tuple[str, ...] = ()
    """Sentences for the reader."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)

    def only(self, names: Sequence[str]) -> Retrieval:
        """Return the same; there is but one metric.

        Raises:
            SpecError: Another metric is asked for.
        """
        unfit = next((name for name in names if name not in self.metrics), None)
        if unfit is not None:
            hint = f"Take {', '.join(self.metrics)}."
            raise SpecError(f"metrics must fit a retrieval; got {unfit!r}.", hint)
        return self


def evaluate_nearest(
    model: Model, rows: SentenceRows, *, progress: Progress | None = None, seed: int = 0
) -> Evaluation | Retrieval:
    """Answer every text by what is nearest to it and count.

    Args:
        model: An encoder, with or without an adapter.
        rows: Texts to answer, and what to answer them by.
        progress: Called with (rows done, rows in all).
        seed: Seed of the bootstrap.
    """
    from ..training import embeddings

    known, asked = (embeddings(model, some).double().numpy() for some in (rows.known, rows.asked))
    if progress:
        progress(len(asked), len(asked))
    near = asked @ known.T
    if not rows.labels:
        return retrieved(near, rows, seed=seed)
    scores = label_similarities(near, rows.answers, rows.labels) / TEMPERATURE
    notes = [NEAREST.format(n=len(known))]
    return summarise(scores, rows.labels, rows.gold, notes, seed=seed)


def retrieved(similarities: np.ndarray, rows: SentenceRows, *, seed: int = 0) -> Retrieval:
    """Return what was found.

    Args:
        similarities: Of each text with each completion, `(rows, completions)`.
        rows: Texts and completions.
        seed: Seed of the bootstrap.
    """
    places = {answer: place for place, answer in enumerate(rows.answers)}
    right = np.array([places[gold] for gold in rows.gold])
    own = similarities[np.arange(len(right)), right]
    ranks = 1 + (similarities > own[:, None]).sum(axis=1)
    answers = tuple(rows.answers[i] for i in similarities.argmax(axis=1))
    found = score_texts(answers, tuple(rows.gold), TASKS["retrieval"], seed=seed)
    accuracy = found["retrieval_accuracy"]
    return Retrieval(
        n=len(answers),
        n_answers=len(answers),
        retrieval_accuracy=accuracy.value,
        interval=accuracy.interval or (0.0, 1.0),
        mean_reciprocal_rank=float((1 / ranks).mean()),
        answers=answers,
        references=tuple(rows.gold),
        prompts=tuple(rows.prompts),
        metrics=found,
        notes=(FOUND.format(n=len(rows.answers)),),
    )


def label_similarities(
    similarities: np.ndarray, labels: Sequence[str], names: Sequence[str]
) -> np.ndarray:
    """Return how near the nearest text of each label is, `(rows, names)`, from -1 to 1.

    Args:
        similarities: Of each row with each known text, `(rows, texts)`.
        labels: The label of each known text.
        names: The labels, in the order of the result; one without a text is as far as can be.
    """
    of = np.array(labels)
    columns = [similarities[:, of == name].max(axis=1, initial=-1.0) for name in names]
    return np.stack(columns, axis=1)
