"""What the steps say: nothing moves, too fast, too slow, by leaps."""

from statistics import median

from .evidence import Evidence
from .finding import Finding

CONSISTENT = 1.5
"""How many times the rate of the settings a step may take: no schedule exceeds it, so half as much
again is room enough for rounding."""

THIRD = 3.0
"""A rate is far from the usual one beyond this factor: half an order of magnitude, the step of the
grids that learning rates are commonly searched on, so a neighbour on the grid is no finding."""

LEAP = 10.0
"""A gradient so many times the median one is a leap: an order of magnitude, which rows that differ
in length and difficulty do not explain."""

LEAPS = 2
"""Leaps from which the loss is unstable; one alone can be a single odd row."""


def nothing_learned(seen: Evidence) -> Finding | None:
    """The gradient was exactly 0: what learns has no part in what the model says."""
    norms = [float(step["grad_norm"]) for step in seen.steps]
    if not norms or seen.moves:  # chance never makes every gradient exactly 0
        return None
    plan = seen.run.last("plan") or {}
    return Finding(
        "lora_on_no_layer",
        f"The gradient was exactly 0 in every step ({len(norms)}), though "
        f"{int(plan.get('trainable', 0)):,} parameters were to learn: no layer that the model "
        "uses has the adapter.",
        "method",
        "Put the adapter on layers that are used: target_modules: all-linear.",
        {"target_modules": "all-linear"} if seen.spec.target_modules else {},
        {"first step": norms[0], "largest of all steps": max(norms)},
        "gradient norm",
    )


def rate_too_high(seen: Evidence) -> Finding | None:
    """The steps took more than the settings say, the loss ended above its start, or it is nan."""
    peak, asked = seen.highest_rate, seen.spec.learning_rate
    usual = f"usual for {seen.spec.method}"
    measured = {"highest step": peak, "settings": asked, usual: seen.usual_rate}
    if peak > CONSISTENT * asked:
        sentence = f"Steps took a learning rate of up to {peak:g}; the settings say {asked:g}."
        return _lower(sentence, {}, measured, "Train at the rate of the settings")
    infinite = "not a finite number" in seen.problem
    if not infinite and "divergence" not in seen.signs and not _stuck_high(seen):
        return None
    sentence = seen.problem if infinite else seen.signs.get("divergence") or _stuck(seen)
    rate = min(asked / THIRD, seen.usual_rate)
    return _lower(sentence, {"learning_rate": rate}, measured, f"learning_rate: {rate:.2g}")


def rate_too_low(seen: Evidence) -> Finding | None:
    """Hardly anything moved, at a rate far below the usual one."""
    peak, usual = seen.highest_rate, seen.usual_rate
    if not seen.moves or "plateau" not in seen.signs or peak * THIRD > usual:
        return None
    return Finding(
        "rate_too_low",
        f"{seen.signs['plateau']} The highest learning rate was {peak:g}; usual for "
        f"{seen.spec.method} is {usual:g}.",
        "rate",
        f"learning_rate: {usual:g}, or what %%find_lr suggests.",
        {"learning_rate": usual},
    )


def unstable(seen: Evidence) -> Finding | None:
    """After warm-up the gradient leapt more than once, and the loss with it."""
    late = seen.steps[int(seen.spec.warmup_ratio * len(seen.steps)) :]
    norms, losses = ([float(step[key]) for step in late] for key in ("grad_norm", "loss"))
    if len(late) < 10:
        return None
    usual, loss = median(norms), median(losses)
    leaps = [
        step["step"]
        for step, norm, high in zip(late, norms, losses, strict=True)
        if norm > LEAP * usual and high > 2 * loss
    ]
    if len(leaps) < LEAPS:
        return None
    return Finding(
        "unstable_loss",
        f"At {len(leaps)} steps, first at {leaps[0]}, the gradient was more than {LEAP:g} times "
        f"its median ({usual:.2g}) and the loss more than twice its own ({loss:.3f}).",
        "rate",
        "A third of the learning_rate, or a larger batch_size.",
        {"learning_rate": seen.spec.learning_rate / THIRD},
    )


def _lower(
    sentence: str, changes: dict[str, float], measured: dict[str, float], advice: str
) -> Finding:
    return Finding(
        "rate_too_high", sentence, "rate", f"{advice}.", changes, measured, "learning rate"
    )


def _stuck_high(seen: Evidence) -> bool:
    """Whether nothing moved at a rate far above the usual one."""
    return seen.moves and "plateau" in seen.signs and seen.highest_rate > THIRD * seen.usual_rate


def _stuck(seen: Evidence) -> str:
    return f"{seen.signs['plateau']} The rate, {seen.highest_rate:g}, is far above the usual."
