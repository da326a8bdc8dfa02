"""Faults of the steps: what a batch asks for, how far a step goes, what it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..spec import FinetuneSpec
from .fault import Batch, Fault

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ShiftedLabels(Fault):
    """Labels are shifted twice: each position learns the token after the next one."""

    @property
    def batch(self) -> Callable[[Batch], Batch]:
        """What shifts a batch's targets."""
        return shifted


@dataclass(frozen=True)
class RateTimes100(Fault):
    """The learning rate of the steps is a hundred times that of the settings, at most 1."""

    def ready(self, model: nn.Module, spec: FinetuneSpec) -> FinetuneSpec:
        """Return the settings with such a rate."""
        return replace(spec, learning_rate=min(1.0, 100 * spec.learning_rate))


@dataclass(frozen=True)
class LoraOnNoLayer(Fault):
    """The adapter is there, but no layer adds it to what it computes."""

    def ready(self, model: nn.Module, spec: FinetuneSpec) -> FinetuneSpec:
        """Scale what every LoRA layer adds to nothing."""
        for layer in model.modules():
            scaling = getattr(layer, "scaling", None)
            if isinstance(scaling, dict):
                scaling.update(dict.fromkeys(scaling, 0.0))
        return spec


def shifted(batch: Batch) -> Batch:
    """Return a batch in which a position's target is that of the next one of its row.

    The last target of each row has no next one and falls out: `(t,)` becomes `(t - rows,)`.
    """
    follows = batch["rows"][1:] == batch["rows"][:-1]
    places = {name: batch[name][:-1] for name in ("positions", "rows", "weights") if name in batch}
    moved = places | {"targets": batch["targets"][1:]}
    return batch | {name: values[follows] for name, values in moved.items()}
