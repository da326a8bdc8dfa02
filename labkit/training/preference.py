"""Direct preference optimization on pairs of completions (Rafailov et al., 2023, arXiv:2305.18290).

Both completions of a pair are rows of one batch, the chosen one first. The reference model is the
same base with its adapter switched off, so no second model lies in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..data import Tokens
from ..spec import FinetuneSpec
from . import batches
from .batches import Batch, LossSum
from .methods import head_of
from .pairs import Paired

if TYPE_CHECKING:
    from peft import PeftModel

PAIRS = 4
"""Pairs that are measured at a time."""


@dataclass(frozen=True)
class Preference:
    """A model that learns to prefer, and how much a nat counts."""

    tuned: "PeftModel"
    """The model; with its adapter switched off it is the reference."""

    beta: float
    """Weight of a nat of difference from the reference."""

    def loss_sum(self, model: nn.Module, batch: Batch, head: nn.Module) -> Tensor:
        """Return the summed loss of a batch's pairs, in nats."""
        with torch.no_grad(), self.tuned.disable_adapter():
            reference = log_likelihoods(batches.target_logits(self.tuned, batch, head), batch)
        ours = log_likelihoods(batches.target_logits(model, batch, head), batch)
        return dpo(ours, reference, self.beta)


def preferring(tuned: nn.Module, spec: FinetuneSpec) -> LossSum | None:
    """Return the loss of a model that learns from pairs, or None where the loss is another."""
    if not spec.learns_pairs:
        return None
    return Preference(cast("PeftModel", tuned), spec.beta).loss_sum


def log_likelihoods(logits: Tensor, batch: Batch) -> Tensor:
    """Return each row's summed log-probability of its completion, `(rows,)`, in nats.

    Args:
        logits: `(t, vocabulary)` float32.
        batch: `targets` `(t,)`, their `rows` `(t,)`, and `pairs`.
    """
    log_p = -functional.cross_entropy(logits, batch["targets"], reduction="none")
    return log_p.new_zeros(2 * int(batch["pairs"])).index_add(0, batch["rows"], log_p)


def dpo(ours: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the sum over pairs of `-log sigmoid(margin)`.

    Args:
        ours: Log-likelihoods `(2 * pairs,)`, of each pair the chosen and the rejected completion.
        reference: As `ours`, of the reference model.
        beta: Weight of a nat.
    """
    return -functional.logsigmoid(margins(ours, reference, beta)).sum()


def margins(ours: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the reward margins `(pairs,)`: `beta` times what the chosen one gained more."""
    gained = ours - reference
    return beta * (gained[0::2] - gained[1::2])


@torch.no_grad()
def pair_likelihoods(model: nn.Module, rows: Sequence[Tokens], pad_token_id: int) -> Tensor:
    """Return log-likelihoods `(2 * rows,)` of pairs, chosen and rejected in turn, in nats."""
    model.eval()
    device, head = next(model.parameters()).device, head_of(model)
    collate = Paired(partial(batches.pad, pad_token_id=pad_token_id))
    found = []
    for at in range(0, len(rows), PAIRS):
        batch = batches.to_device(collate(rows[at : at + PAIRS]), device)
        found.append(log_likelihoods(batches.target_logits(model, batch, head), batch).cpu())
    return torch.cat(found)
