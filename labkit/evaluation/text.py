"""How close is a text to its reference: exact match, BLEU, chrF.

BLEU and chrF count with sacreBLEU (Post, 2018, arXiv:1804.08771) and add up here, so that a
bootstrap costs one matrix product and not a thousand scorings. Both run from 0 to 100.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .measure import Texts, with_ones

ORDERS = 4
"""Longest word n-grams of BLEU."""

CHRF_BETA = 2
"""chrF weighs recall so many times as much as precision."""


def exact_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return whether each answer equals its reference, blanks at the ends aside, and 1."""
    return with_ones([a.strip() == r.strip() for a, r in zip(answers, references, strict=True)])


def bleu_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return `(rows, 10)`: words of answer and reference, 4 n-gram hits, 4 n-gram totals."""
    return _sacrebleu_counts(_bleu(), answers, references)


def bleu_total(sums: np.ndarray) -> np.ndarray:
    """Return corpus BLEU, 0 to 100, as sacreBLEU does by default (exponential smoothing)."""
    return _bleu_from(sums, np.full(sums.shape[:-1], ORDERS))


def bleu_rows(counts: np.ndarray) -> np.ndarray:
    """Return sentence BLEU: orders that the answer is too short for do not count."""
    return _bleu_from(counts, np.maximum(1, (counts[..., 6:10] > 0).sum(-1)))


def _bleu_from(sums: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return BLEU of `(..., 10)` sums over the first `orders` `(...)` n-gram lengths."""
    said, wanted, hits, grams = sums[..., 0], sums[..., 1], sums[..., 2:6], sums[..., 6:10]
    missed = (hits == 0) & (grams > 0)
    # the k-th length without a hit counts as half to the k of a hit
    smoothed = np.where(missed, 0.5 ** missed.cumsum(-1), hits)
    used = np.arange(ORDERS) < orders[..., None]
    with np.errstate(divide="ignore"):
        logs = np.log(smoothed / np.maximum(grams, 1))
        brevity = np.exp(np.minimum(0, 1 - wanted / np.maximum(said, 1e-300)))
    mean = np.where(used, logs, 0).sum(-1) / orders
    scores: np.ndarray = 100 * np.where(hits.any(-1), brevity * np.exp(mean), 0.0)
    return scores


def chrf_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return `(rows, 18)`: n-grams of answer and of reference, and hits, for 6 lengths."""
    return _sacrebleu_counts(_chrf(), answers, references)


def chrf_total(sums: np.ndarray) -> np.ndarray:
    """Return chrF2, 0 to 100 (Popović, 2015), of sums `(..., 18)`."""
    said, wanted, hits = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    used = (said > 0) & (wanted > 0)
    orders = np.maximum(1, used.sum(-1))
    precision = np.where(used, hits / np.maximum(said, 1), 0).sum(-1) / orders
    recall = np.where(used, hits / np.maximum(wanted, 1), 0).sum(-1) / orders
    below = CHRF_BETA**2 * precision + recall
    found = (1 + CHRF_BETA**2) * precision * recall / np.where(below > 0, below, 1)
    scores: np.ndarray = 100 * found
    return scores


def bleu_about() -> str:
    """Return sacreBLEU's signature of BLEU, which says all that a result depends on."""
    return f"corpus BLEU, 0 to 100; sacreBLEU {_signature(_bleu())}"


def chrf_about() -> str:
    """Return sacreBLEU's signature of chrF."""
    return f"corpus chrF2, 0 to 100; sacreBLEU {_signature(_chrf())}"


def _bleu() -> Any:  # noqa: ANN401 - sacreBLEU has no types
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(force=True)  # no advice about tokenised periods on standard error


def _chrf() -> Any:  # noqa: ANN401 - sacreBLEU has no types
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(beta=CHRF_BETA)


def _sacrebleu_counts(metric: Any, answers: Texts, references: Texts) -> np.ndarray:  # noqa: ANN401
    rows = metric._extract_corpus_statistics(list(answers), [list(references)])
    return np.array(rows, float)


def _signature(metric: Any) -> str:  # noqa: ANN401 - sacreBLEU has no types
    metric.corpus_score(["a"], [["a"]])  # it signs after the first score
    return str(metric.get_signature())
