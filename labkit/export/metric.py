"""The task's metric of a rung's answers, and what they lost against the tuned model's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .gates import sign_test
from .held_out import HeldOut

PERCENT = ("bleu", "chrf")
"""Metrics that run from 0 to 100; the others are shares."""


def metric_of(
    held_out: HeldOut, answers: Sequence[str], before: Sequence[str] | None, *, seed: int = 0
) -> dict[str, Any]:
    """Return the primary metric of a task over the scored rows.

    Args:
        held_out: The rows.
        answers: What a model answered to those that are scored.
        before: What the model it came from answered to them; None where there is none.
        seed: Seed of the bootstrap.

    Returns:
        `name`, `value`, `interval`, `n`, `higher_is_better`; and against `before` what was `lost`,
        as a share of 1, and the chance (`p_value`) of losing that much or more if nothing were
        worse.
    """
    from ..evaluation import metrics_for, score_texts

    name = metrics_for(held_out.task, held_out.wanted)[0]
    measure = score_texts(answers, held_out.wanted, [name], seed=seed)[name]
    found = {
        "name": name,
        "value": measure.value,
        "interval": list(measure.interval) if measure.interval else None,
        "n": measure.n,
        "higher_is_better": measure.higher_is_better,
    }
    if before is None:
        return found
    if held_out.labels:
        return found | _lost_labels(held_out.wanted, before, answers)
    return found | _lost_texts(held_out.wanted, before, answers, found, seed)


def _lost_labels(
    wanted: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> dict[str, float]:
    """Count the rows that were right only once: rounding flips those that are hard to decide."""
    gold = np.array(wanted)
    was, is_right = np.array(before) == gold, np.array(after) == gold
    lost, won = int((was & ~is_right).sum()), int((is_right & ~was).sum())
    return {"lost": (lost - won) / len(gold), "p_value": sign_test(lost, won)}


def _lost_texts(
    wanted: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    found: dict[str, Any],
    seed: int,
) -> dict[str, float]:
    """Compare the metric over all rows, drawn anew the same for both."""
    from ..evaluation import paired_texts

    paired = paired_texts(found["name"], before, after, wanted, seed=seed)
    sign = -1 if found["higher_is_better"] else 1
    lost = sign * paired.difference / (100 if found["name"] in PERCENT else 1)
    one_sided = paired.p_value / 2
    return {"lost": lost, "p_value": one_sided if lost > 0 else 1 - one_sided}
