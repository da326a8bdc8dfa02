"""What a run that ran out of memory had in it, and what would fit: from its plan."""

from ..run import Run
from . import words
from .planned import option_text, plan_of

HINT = (
    "Start anew with a higher gradient_accumulation_steps (smaller micro-batches, the same "
    "result), a smaller batch_size or max_length, or gradient_checkpointing: true."
)
"""What helps where nothing was planned."""


def resident(run: Run) -> str:
    """Return what was in memory, the largest part first, as a sentence; nothing without a plan."""
    parts = plan_of(run).get("forecast", {}).get("parts", {})
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    named = ", ".join(f"{name} {words.size(size)}" for name, size in ordered if size)
    return f" In it, as planned: {named}." if named else ""


def what_would_fit(run: Run) -> str:
    """Return what to do next."""
    options = plan_of(run).get("lighter")
    if not options:
        return HINT
    return f"What would fit: {'; '.join(map(option_text, options))}."
