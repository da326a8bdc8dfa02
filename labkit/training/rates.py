"""What the losses at growing learning rates say: which rates lower the loss, and which to take.

Where the loss is lowest the steps have just become too long to go on: on a quadratic valley of
curvature `h` that is the rate `2 / h` from which gradient descent climbs. A third of it is
suggested, far enough below for the noise of batches.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

LOWEST, HIGHEST = 1e-6, 1.0
"""First and last learning rate."""

BESIDE = 2
"""Neighbours on each side that a loss is averaged with before it is judged."""

SAFETY = 3.0
"""How far below the rate of the lowest loss the suggestion lies."""

FALL = 0.02
"""Share by which some rate must have lowered the loss."""


@dataclass(frozen=True)
class Found:
    """What a range test says about the learning rate."""

    suggested: float | None
    """A third of the rate at the lowest loss; None where no rate lowered it."""

    lowest_at: float
    """Rate at which the loss, averaged over neighbours, was lowest."""

    steepest: float
    """Rate at which the loss fell fastest."""

    diverged_at: float | None
    """Rate at which the loss exploded and the test ended; None where it did not."""

    steps: int
    """Optimizer steps taken."""


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 0, of so many."""
    return float(LOWEST * (HIGHEST / LOWEST) ** (step / max(1, steps - 1)))


def judged(rates: Sequence[float], losses: Sequence[float], exploded: bool) -> Found:
    """Return what the losses at growing rates say.

    Args:
        rates: Learning rate of each step, growing by the same factor.
        losses: Loss of each step, before it was taken.
        exploded: Whether the test ended because the loss had exploded.
    """
    smooth = averaged([loss for loss in losses if math.isfinite(loss)])
    lowest = smooth.index(min(smooth))
    slopes = [smooth[at + 1] - smooth[at] for at in range(lowest)]
    falls = min(smooth) < (1 - FALL) * smooth[0]
    return Found(
        suggested=rates[lowest] / SAFETY if falls else None,
        lowest_at=rates[lowest],
        steepest=rates[slopes.index(min(slopes))] if slopes else rates[0],
        diverged_at=rates[-1] if exploded else None,
        steps=len(rates),
    )


def averaged(losses: Sequence[float]) -> list[float]:
    """Return means over neighbours on both sides, as many on each, so that nothing is shifted."""
    n = len(losses)
    reach = [min(BESIDE, at, n - 1 - at) for at in range(n)]
    return [fmean(losses[at - beside : at + beside + 1]) for at, beside in enumerate(reach)]
