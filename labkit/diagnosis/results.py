"""What the results say where no cause was found: known too well, too little, something else."""

import math
from statistics import fmean, stdev
from typing import Any

from .evidence import Evidence
from .finding import Finding
from .targets import mean_targets

ROUNDING = 0.05
"""Nats by which a loss in bfloat16 may differ from the same in float32."""

ERRORS = 4.0
"""Standard errors beyond which measured rows differ from validated ones by more than chance."""

FALLING = 0.05
"""Share by which the last validation still was below the one before: it had not ended."""

KNOWN = 0.95
"""Accuracy of a base model from which there is little left to learn: of 20 rows it misses one."""

BIT = math.log(2)
"""Nats: a model that has lost as much needs one bit more for every token of plain English."""

ROWS_A_LABEL = 8
"""Training rows a label below which rows, not settings, are likely the limit: what few-shot methods
are made for and measured at (SetFit: Tunstall et al., 2022, arXiv:2209.11055)."""


def other_loss(seen: Evidence) -> Finding | None:
    """The answers are worse than the validation loss allows.

    A label's share among all labels is at least its own probability, so its cross-entropy is at
    most the sum of the losses of its tokens.
    """
    tuned, each = seen.metrics.get("tuned", {}), mean_targets(seen.tokens_of("validation"))
    best = seen.metrics.get("training", {}).get("best_eval_loss")
    plain = seen.spec.loss == "cross_entropy" and not seen.spec.label_smoothing_factor
    if "probabilities" not in tuned or None in (each, best) or not seen.learns_text or not plain:
        return None
    assert each is not None
    losses = _losses(tuned)
    mean, error = fmean(losses), stdev(losses) / math.sqrt(len(losses))
    chance = ERRORS * error if seen.metrics["split"] == "test" else 0.0
    if mean <= float(best) * each + ROUNDING + chance:
        return None
    return Finding(
        "training_and_measuring_disagree",
        f"The validation loss, {float(best):.3f} nats per token, allows at most "
        f"{float(best) * each:.2f} nats per label; the measured answers have {mean:.2f}. What was "
        "learned is not what is asked for.",
        "evaluation",
        "Compare the first row as the model reads it with a prompt as it is asked; train again.",
        {},
        {"allowed": float(best) * each, "measured": mean},
        "nats a label",
    )


def overfitting(seen: Evidence) -> Finding | None:
    """Validation rose while training fell."""
    if "overfitting" not in seen.signs:
        return None
    best = min(seen.validation, key=lambda point: point[1])[0]
    return Finding(
        "overfitting",
        seen.signs["overfitting"],
        "overfitting",
        f"max_steps: {best}, where the validation loss was lowest; or early_stopping_patience: 2.",
        {"max_steps": best},
    )


def too_few_rows(seen: Evidence) -> Finding | None:
    """A wide gap between training and validation, and few rows."""
    counted = seen.learns
    if "gap" not in seen.signs or counted is None:
        return None
    labels = len(seen.metrics.get("labels") or [""])
    if counted["rows"] >= ROWS_A_LABEL * labels:
        return None
    return Finding(
        "too_little_data",
        f"{seen.signs['gap']} There are {counted['rows']} training rows for {labels} labels.",
        "data",
        "More rows (--learning-curve says what they would bring); or more from these: augment: "
        "swap_words.",
        {"augment": ("swap_words",)},
    )


def underfitting(seen: Evidence) -> Finding | None:
    """Not better than the base model by more than chance: no evidence that anything was learned."""
    said = seen.metrics.get("comparison", {}).get("sentence", "")
    losses = [loss for _, loss in seen.validation]
    known = seen.metrics.get("base", {}).get("accuracy", 0.0) >= KNOWN
    if not said or not losses or seen.is_better or known:
        return None
    is_falling = len(losses) > 1 and losses[-1] < (1 - FALLING) * losses[-2]
    steps = 2 * len(seen.steps)
    change = {"max_steps": steps} if is_falling else {"learning_rate": 2 * seen.spec.learning_rate}
    return Finding(
        "underfitting",
        f"{said} The validation loss ended at {losses[-1]:.3f}, "
        + ("still falling." if is_falling else "no longer falling."),
        "results",
        f"{next(iter(change))}: {next(iter(change.values())):g}.",
        change,
    )


def forgetting(seen: Evidence) -> Finding | None:
    """Plain English has become harder by a bit a token, to a model that knew any."""
    found = seen.metrics.get("general_text")
    if not found:
        return None
    before, after = float(found["base"]), float(found["tuned"])
    knew = before < math.log(found["vocabulary"]) - BIT  # one that guesses has nothing to forget
    if not knew or after - before <= BIT:
        return None
    full, rate = seen.spec.method == "full", seen.spec.learning_rate / 3
    return Finding(
        "forgetting",
        f"On plain English, which is not of the task, the loss rose from {before:.2f} to "
        f"{after:.2f} nats a token: perplexity {math.exp(before):.1f} to {math.exp(after):.1f}.",
        "model" if full else "rate",
        "method: lora, whose adapter leaves the base as it is."
        if full
        else f"learning_rate: {rate:.2g}, or fewer steps; rows of other kinds among those of the "
        "task keep more.",
        {"method": "lora"} if full else {"learning_rate": rate},
        {"base": before, "tuned": after},
        "nats a token",
    )


def _losses(tuned: dict[str, Any]) -> list[float]:
    """Return each row's cross-entropy of the right label among all labels, in nats."""
    at = {label: i for i, label in enumerate(tuned["labels"])}
    pairs = zip(tuned["probabilities"], tuned["gold"], strict=True)
    return [-math.log(max(chances[at[gold]], 1e-12)) for chances, gold in pairs]
