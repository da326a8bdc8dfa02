"""What a loss curve says while it is drawn: overfitting, divergence, a plateau, a wide gap.

A pure function of the losses so far, so that a resumed run says the same. Losses differ from step
to step by chance; a sign is given only where the change is larger than that.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

Point = tuple[int, float]
"""A step and a loss (nats per token)."""

CHANGE = 0.02
"""Share of a loss below which a change is none."""

NOISE = 4.0
"""Standard errors that a change of the training loss must exceed."""

SLOW = 0.05
"""Share by which a loss moves at least where something is learned."""

GAP = 0.2
"""Nats per token between validation and training loss below which a gap is none."""

START = 5
"""Training losses that the beginning is the mean of."""

RECENT, FEWEST = 50, 10
"""Training losses that chance is judged by: at most, and at least."""

KNOWN = 0.05
"""Training loss below which there is nothing left to learn, in nats per token."""


@dataclass(frozen=True)
class Sign:
    """One thing that the curve says."""

    name: str
    """`overfitting`, `divergence`, `plateau` or `gap`."""

    text: str
    """What was seen, in numbers, and what to change."""


@dataclass(frozen=True)
class Window:
    """The training losses between two validations."""

    mean: float
    n: int
    noise: float
    """How far the recent losses lie from a line by chance, a standard deviation."""

    def differs(self, before: "Window") -> bool:
        """Tell whether the mean has changed by more than chance and by more than a trifle."""
        error = self.noise * math.sqrt(1 / self.n + 1 / before.n)
        least = max(NOISE * error, CHANGE * max(self.mean, before.mean))
        return abs(self.mean - before.mean) > least


@dataclass(frozen=True)
class Seen:
    """A curve up to a validation."""

    start: Window
    """The first training losses."""

    windows: Sequence[Window]
    """Training losses before each validation."""

    steps: Sequence[int]
    """Step of each validation."""

    losses: Sequence[float]
    """Loss of each validation."""

    def until(self, n: int) -> "Seen":
        """Return the curve up to the validation number `n`, counted from 1."""
        return Seen(self.start, self.windows[:n], self.steps[:n], self.losses[:n])


def new_signs(train: Sequence[Point], validation: Sequence[Point]) -> list[Sign]:
    """Return the signs that the latest validation shows and no earlier one has shown."""
    seen = _seen(train, validation)
    told = {sign.name for n in range(1, len(seen.steps)) for sign in _signs(seen.until(n))}
    return [sign for sign in _signs(seen) if sign.name not in told]


def signs(train: Sequence[Point], validation: Sequence[Point]) -> list[Sign]:
    """Return what the points of a curve say at its latest validation."""
    return _signs(_seen(train, validation))


def curve_of(history: Sequence[Mapping[str, float]]) -> tuple[list[Point], list[Point]]:
    """Return the training and the validation losses that the Trainer has logged."""
    train, validation = (
        [(int(entry["step"]), entry[name]) for entry in history if name in entry]
        for name in ("loss", "eval_loss")
    )
    return train, validation


def _signs(seen: Seen) -> list[Sign]:
    if not seen.steps:
        return []
    texts = {
        "overfitting": _overfitting(seen),
        "divergence": _divergence(seen),
        "plateau": _plateau(seen),
        "gap": _gap(seen),
    }
    return [Sign(name, text) for name, text in texts.items() if text]


def _overfitting(seen: Seen) -> str:
    """Validation rose twice or more since its best, by more than it ever rose before it."""
    losses, best = seen.losses, seen.losses.index(min(seen.losses))
    if len(losses) - best < 3 or not losses[-1] > losses[-2] > losses[-3]:
        return ""
    earlier = max((after - before for before, after in pairwise(losses[: best + 1])), default=0.0)
    then, now = seen.windows[best], seen.windows[-1]
    if losses[-1] - losses[best] <= max(CHANGE * losses[best], 2 * earlier):
        return ""
    if now.mean >= then.mean or not now.differs(then):
        return ""
    return (
        f"Validation loss has risen from {losses[best]:.3f} (step {seen.steps[best]}) to "
        f"{losses[-1]:.3f} (step {seen.steps[-1]}) while training loss fell from {then.mean:.3f} "
        f"to {now.mean:.3f}: overfitting. Fewer epochs, early_stopping_patience, lora_dropout, a "
        "smaller r or more rows help."
    )


def _divergence(seen: Seen) -> str:
    """The training loss is higher than it began."""
    start, now = seen.start, seen.windows[-1]
    if now.mean <= start.mean or not now.differs(start):
        return ""
    return (
        f"Training loss is {now.mean:.3f} at step {seen.steps[-1]}, above the {start.mean:.3f} "
        "that it began with: divergence. A third of the learning_rate or a larger warmup_ratio "
        "helps; the learning-rate finder shows which rates lower the loss."
    )


def _plateau(seen: Seen) -> str:
    """Neither loss has moved since the beginning."""
    start, now, losses = seen.start, seen.windows[-1], seen.losses
    moved = max(abs(1 - now.mean / start.mean), abs(1 - losses[-1] / losses[0]))
    if len(losses) < 4 or now.mean < KNOWN or moved > SLOW:
        return ""
    return (
        f"Training loss was {start.mean:.3f} at the start and is {now.mean:.3f} at step "
        f"{seen.steps[-1]}: plateau, hardly anything is learned. A higher learning_rate, a larger "
        "r or more target_modules help; the learning-rate finder shows which rates lower the loss."
    )


def _gap(seen: Seen) -> str:
    """Twice in a row validation was more than twice the training loss."""
    pairs = list(zip(seen.windows, seen.losses, strict=True))[-2:]
    wide = [loss > 2 * window.mean and loss - window.mean > GAP for window, loss in pairs]
    if len(wide) < 2 or not all(wide):
        return ""
    return (
        f"Validation loss is {seen.losses[-1]:.3f} at step {seen.steps[-1]} and training loss "
        f"{seen.windows[-1].mean:.3f}: a wide generalisation gap, the training rows are known "
        "better than new ones. More rows, augment, lora_dropout, weight_decay or a smaller r help."
    )


def _seen(train: Sequence[Point], validation: Sequence[Point]) -> Seen:
    """Return a curve without the validations that no training step stands before."""
    at, losses = [step for step, _ in train], [loss for _, loss in train]
    windows, kept, start = [], [], 0
    for step, loss in validation:
        end = bisect_right(at, step)
        if end > start:
            noise = _noise(losses[max(0, end - RECENT) : end])
            windows.append(Window(fmean(losses[start:end]), end - start, noise))
            kept.append((step, loss))
            start = end
    first = losses[: min(START, windows[0].n)] if windows else [0.0]
    steps, measured = [step for step, _ in kept], [loss for _, loss in kept]
    return Seen(Window(fmean(first), len(first), 0.0), windows, steps, measured)


def _noise(losses: Sequence[float]) -> float:
    """Return the noise of losses about any straight line; of too few it is not known."""
    if len(losses) < FEWEST:
        return math.inf
    bends = [a - 2 * b + c for a, b, c in zip(losses, losses[1:], losses[2:], strict=False)]
    return math.sqrt(fmean(bend**2 for bend in bends) / 6)
