"""Is a model right as often as it is sure? And how sure would it be of nothing at all?

Expected calibration error: Guo et al., 2017, arXiv:1706.04599. Prior correction: contextual
calibration of Zhao et al., 2021, arXiv:2102.09690.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10
"""Bins of equal width from 0 to 1; one holds its upper bound, the lowest both."""


@dataclass(frozen=True)
class Bin:
    """The rows whose answer the model was about equally sure of."""

    low: float
    """Lower bound of the confidence."""

    high: float
    """Upper bound of the confidence."""

    n: int
    """Rows."""

    confidence: float
    """Mean probability of their answers; 0 without rows."""

    accuracy: float
    """Share of them that is right; 0 without rows."""


def bin_counts(confidence: Sequence[float] | np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Return `(rows, 3 * bins)`: for each bin 1, confidence and hit of the rows in it.

    Args:
        confidence: Probability of each row's answer, `(rows,)`.
        hits: Whether each is right, `(rows,)`.
    """
    sure = np.asarray(confidence, float)[:, None]
    edges = np.arange(BINS + 1) / BINS
    inside = (sure > edges[:-1]) & (sure <= edges[1:])
    inside[:, 0] |= sure[:, 0] <= 0
    return np.concatenate([inside, inside * sure, inside & np.asarray(hits, bool)[:, None]], axis=1)


def ece(sums: np.ndarray) -> np.ndarray:
    """Return the mean over rows of |accuracy − confidence| of the row's bin, 0 to 1."""
    n, confidence, hits = np.split(sums, 3, axis=-1)
    gap: np.ndarray = np.abs(hits - confidence).sum(-1) / np.maximum(1, n.sum(-1))
    return gap


def reliability(counts: np.ndarray) -> tuple[Bin, ...]:
    """Return the bins, for a picture of accuracy over confidence."""
    n, confidence, hits = np.split(counts.sum(axis=0), 3)
    rows = np.maximum(1, n)
    means = zip(n, confidence / rows, hits / rows, strict=True)
    return tuple(
        Bin(i / BINS, (i + 1) / BINS, int(size), float(sure), float(right))
        for i, (size, sure, right) in enumerate(means)
    )


def corrected(scores: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Divide each label's likelihood by the one it has after a prompt without content.

    Args:
        scores: Log-likelihoods in nats, `(rows, labels)`.
        prior: Log-likelihoods of the same labels after the content-free prompt, `(labels,)`.
    """
    ratio: np.ndarray = scores - prior
    return ratio
