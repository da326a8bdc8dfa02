"""Distillation: a model learns what a teacher gives to every token (Hinton et al., 2015)."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..spec import FinetuneSpec
from . import batches, packed
from .batches import Batch, LossSum
from .losses import cross_entropy
from .methods import base_of, head_of


@dataclass(frozen=True)
class Distillation:
    """A teacher, and how much of the loss is to give what it gives."""

    teacher: nn.Module
    """A model with the same tokens; it learns nothing."""

    temperature: float
    """Both models' logits are divided by it."""

    weight: float
    """Share of the teacher's part; the rest is the cross-entropy of the rows."""

    @classmethod
    def of(cls, teacher: nn.Module, spec: FinetuneSpec, device: torch.device) -> "Distillation":
        """Return the loss of a spec; the teacher takes packed rows wherever it can."""
        teacher = teacher.to(device).requires_grad_(False).eval()
        packed.register()
        base = base_of(teacher)
        if base.config._attn_implementation == "sdpa":
            base.set_attn_implementation(packed.NAME)  # of padded rows this is sdpa
        return cls(teacher, spec.temperature, spec.teacher_weight)

    def loss_sum(self, model: nn.Module, batch: Batch, head: nn.Module) -> Tensor:
        """Return the summed loss of a batch's targets, in nats."""
        with torch.no_grad():
            given = batches.target_logits(self.teacher, batch, head_of(self.teacher))
        of = partial(distilled, given=given, temperature=self.temperature, weight=self.weight)
        return batches.loss_sum(model, batch, head, of)


def taught(model: nn.Module, teacher: nn.Module | None, spec: FinetuneSpec) -> LossSum | None:
    """Return the loss of a model that learns from a teacher, or None where there is none."""
    if teacher is None:
        return None
    return Distillation.of(teacher, spec, next(model.parameters()).device).loss_sum


def distilled(
    logits: Tensor, batch: Batch, given: Tensor, temperature: float, weight: float
) -> Tensor:
    """Return `weight * T² * KL(teacher ‖ model) + (1 - weight) * cross-entropy`, summed.

    Args:
        logits: Of the model, `(t, vocabulary)` float32.
        batch: `targets` `(t,)`.
        given: Of the teacher, as `logits`.
        temperature: T, by which both are divided before softmax; T² keeps the gradient's size.
        weight: Share of the teacher's part.
    """
    ours, theirs = (functional.log_softmax(one / temperature, -1) for one in (logits, given))
    apart = functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    return weight * temperature**2 * apart + (1 - weight) * cross_entropy(logits, batch)
