"""Rows worth reading: the best, the worst, and some that chance picked."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np


def picks(
    scores: Sequence[float] | np.ndarray, n: int, seed: int = 0, *, higher_is_better: bool = True
) -> dict[str, list[int]]:
    """Return row numbers, from 0, of the best, the worst and some random rows.

    Best and worst come most extreme first, rows of one score in their order; no row is both. The
    random ones are drawn from all rows, so that they show what is usual, and stand in row order.

    Args:
        scores: A score for each row, `(rows,)`.
        n: Most rows of each kind.
        seed: Makes the random rows repeatable.
        higher_is_better: Whether more is better.
    """
    values = np.asarray(scores, float) * (1 if higher_is_better else -1)
    best = np.argsort(-values, kind="stable").tolist()
    worst = np.argsort(values, kind="stable").tolist()
    size = min(n, len(best))
    shown = best[: min(size, -(-len(best) // 2))]  # the middle row of few counts as good
    drawn = Random(seed).sample(range(len(best)), size)
    return {
        "best": shown,
        "worst": [row for row in worst if row not in set(shown)][:size],
        "random": sorted(drawn),
    }
