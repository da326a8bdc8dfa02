"""Classification by an encoder: a text has the label of the training text nearest to it.

The share of right answers is the encoder's retrieval accuracy: how often the first text found for a
query is one of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .classify import Evaluation, summarise
from .kinds import Model, Progress
from .rows import SentenceRows

TEMPERATURE = 0.05
"""Similarities are divided by it before they become likelihoods (Gao et al., 2021, SimCSE)."""

NEAREST = (
    "An answer is the label of the nearest of {n} training texts, by the cosine of their "
    "embeddings: the accuracy is the retrieval accuracy (first hit)."
)


def evaluate_nearest(
    model: Model, rows: SentenceRows, *, progress: Progress | None = None, seed: int = 0
) -> Evaluation:
    """Give every text the label of the known text nearest to it and count.

    Args:
        model: An encoder, with or without an adapter.
        rows: Texts to label, and those with known labels.
        progress: Called with (rows done, rows in all).
        seed: Seed of the bootstrap.
    """
    from ..training import embeddings

    known, asked = (embeddings(model, some).double().numpy() for some in (rows.known, rows.asked))
    if progress:
        progress(len(asked), len(asked))
    near = label_similarities(asked @ known.T, rows.known_labels, rows.labels)
    notes = [NEAREST.format(n=len(known))]
    return summarise(near / TEMPERATURE, rows.labels, rows.gold, notes, seed=seed)


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
