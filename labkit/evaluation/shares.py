"""The difference of two shares on the same rows: exact test and interval."""

from __future__ import annotations

import math

from .metrics import wilson


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value: are the rows where two models differ split evenly?"""
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / (1 << n))


def paired_interval(both: int, gained: int, lost: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired shares, from the two Wilson intervals.

    Newcombe (1998), method 10: it stays inside −1 to 1 and has a width even where nothing changed.
    """
    old, new = both + lost, both + gained
    (old_low, old_high), (new_low, new_high) = wilson(old, n), wilson(new, n)
    p, q = old / n, new / n
    phi = _correlation(both, gained, lost, n)
    below = _joined(q - new_low, old_high - p, phi)
    above = _joined(new_high - q, p - old_low, phi)
    return max(-1.0, q - p - below), min(1.0, q - p + above)


def _joined(a: float, b: float, phi: float) -> float:
    """Return the spread of a difference whose two parts spread by `a` and `b`."""
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def _correlation(both: int, gained: int, lost: int, n: int) -> float:
    """Return how alike two models are right, continuity-corrected where they are alike."""
    neither = n - both - gained - lost
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    if not margins:
        return 0.0
    surplus = float(both * neither - gained * lost)
    if surplus > 0:
        surplus = max(0.0, surplus - n / 2)
    return surplus / math.sqrt(margins)
