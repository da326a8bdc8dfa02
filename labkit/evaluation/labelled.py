"""Answers that are labels: accuracy, and F1 as macro, micro or weighted mean over the labels."""

from __future__ import annotations

import numpy as np

from .measure import Texts, with_ones


def right_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return whether each answer is the right label, and 1."""
    return with_ones([a == r for a, r in zip(answers, references, strict=True)])


def label_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return `(rows, 3 * labels)`: for each label that occurs, hit, said and wanted."""
    labels = np.array(sorted({*answers, *references}))
    said = np.array(answers)[:, None] == labels
    wanted = np.array(references)[:, None] == labels
    return np.concatenate([said & wanted, said, wanted], axis=1).astype(float)


def macro_f1(sums: np.ndarray) -> np.ndarray:
    """Return the mean F1 over the labels that were said or wanted."""
    hits, said, wanted = _parts(sums)
    seen = said + wanted > 0
    return _mean(_f1(hits, said, wanted), seen.astype(float))


def weighted_f1(sums: np.ndarray) -> np.ndarray:
    """Return the mean F1 over the labels, weighted by how often each was wanted."""
    hits, said, wanted = _parts(sums)
    return _mean(_f1(hits, said, wanted), wanted)


def micro_f1(sums: np.ndarray) -> np.ndarray:
    """Return the F1 of all labels' hits together; with one label a row it is the accuracy."""
    hits, said, wanted = (part.sum(-1) for part in _parts(sums))
    return _f1(hits, said, wanted)


def _parts(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split `(..., 3 * labels)` sums into hits, said and wanted, each `(..., labels)`."""
    hits, said, wanted = np.split(sums, 3, axis=-1)
    return hits, said, wanted


def _f1(hits: np.ndarray, said: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    found: np.ndarray = 2 * hits / np.maximum(1, said + wanted)
    return found


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    found: np.ndarray = (values * weights).sum(-1) / np.maximum(1, weights.sum(-1))
    return found
