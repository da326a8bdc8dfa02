"""What a model has forgotten of plain English, as a block."""

import math
from typing import Any

from . import words
from .blocks import Block, Lines


def forgotten(metrics: dict[str, Any]) -> list[Block]:
    """Return how well base and tuned model know a text that is not of the task."""
    found = metrics.get("general_text")
    if not found:
        return []
    before, after = words.number(found["base"]), words.number(found["tuned"])
    said = (
        f"Perplexity of plain English that is not of the task ({words.count(found['n_tokens'])} "
        f"tokens): {math.exp(before):.1f} → {math.exp(after):.1f}; {after - before:+.2f} nats each."
    )
    return [Lines("What was forgotten", (said,), folded=False)]
