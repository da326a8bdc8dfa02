"""What a diagnosis finds: its name, what was measured, where the course speaks of it, the cure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SECTIONS = {
    "overfitting": "§9 Common challenges, challenge 1: overfitting",
    "results": "§9 Common challenges, challenge 4: poor results",
    "data": "§6 Best practices: data quality before quantity",
    "template": "§6 Best practices: consistent templates",
    "split": "§6 Best practices: 10-20 % validation kept out",
    "rate": "§6 Best practices: learning rate and schedule",
    "model": "§6 Best practices: choosing the base model",
    "method": "§3 Types of fine-tuning: LoRA",
    "export": "§4 Fine-tuning with Olive: from the tuned model to ONNX",
    "evaluation": "§8 Evaluation and monitoring",
}
"""Sections of the course by what they are about."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a run."""

    name: str
    """What it is called, as `overfitting`."""

    sentence: str
    """What was measured, in numbers."""

    section: str
    """A key of `SECTIONS`."""

    advice: str
    """The one thing to change, in words."""

    changes: Mapping[str, Any] | None = None
    """The same as settings; empty where the run is to be done again as its settings say, None
    where no setting mends it."""

    measured: Mapping[str, float] | None = None
    """What was compared, by its name, to be drawn; None draws the loss curve."""

    unit: str = ""
    """What `measured` counts."""
