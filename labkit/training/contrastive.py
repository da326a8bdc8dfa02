"""Embeddings of sentences, and a loss that moves them together and apart.

An embedding is the mean of a sentence's token states, scaled to length 1 (Reimers and Gurevych,
2019, "Sentence-BERT", arXiv:1908.10084). The loss is that of Hadsell, Chopra and LeCun, 2006,
"Dimensionality Reduction by Learning an Invariant Mapping".
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..data import Tokens
from ..spec import FinetuneSpec
from . import batches
from .batches import Batch, LossSum

BATCH_TOKENS = 4096
"""Most tokens that are embedded at a time, padding included."""


def embed(model: nn.Module, batch: Batch) -> Tensor:
    """Return the embedding of each row of a padded batch, `(rows, hidden)` float32.

    Args:
        model: An encoder.
        batch: `input_ids` and `attention_mask`, `(rows, length)`.
    """
    states = model(**batches.inputs_of(batch)).last_hidden_state.float()
    mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
    return functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)


def contrastive(first: Tensor, second: Tensor, apart: Tensor, margin: float) -> Tensor:
    """Return the sum over pairs of `d²`, or of `max(0, margin - d)²` where they mean other things.

    Args:
        first: Embeddings `(pairs, hidden)`.
        second: As `first`.
        apart: `(pairs,)`, 1 for a pair that means different things and 0 for one that does not.
        margin: Distance from which on a pair is far enough apart.
    """
    d = functional.pairwise_distance(first, second)
    return ((1 - apart) * d.square() + apart * (margin - d).clamp(min=0).square()).sum()


def contrasting(spec: FinetuneSpec) -> LossSum | None:
    """Return the loss of an encoder that learns from pairs, or None where the loss is another."""
    return partial(_loss_sum, margin=spec.margin) if spec.embeds else None


def _loss_sum(model: nn.Module, batch: Batch, head: nn.Module, margin: float) -> Tensor:
    """Return the summed loss of a batch's pairs."""
    del head  # an encoder has none
    found = embed(model, batch)
    return contrastive(found[0::2], found[1::2], batch["apart"], margin)


@torch.no_grad()
def embeddings(model: nn.Module, rows: Sequence[Tokens]) -> Tensor:
    """Return the embedding of each row, `(rows, hidden)` float32, without dropout.

    Args:
        model: An encoder.
        rows: Sentences as token ids.
    """
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i].input_ids))
    found: list[Tensor] = []
    while len(found) < len(order):
        at = len(found)
        n = max(1, BATCH_TOKENS // len(rows[order[at]].input_ids))
        some = [rows[i] for i in order[at : at + n]]
        batch = batches.to_device(batches.pad(some), device)
        found.extend(embed(model, batch).cpu())
    model.train(was_training)
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order, dtype=torch.long)] = torch.arange(len(order))
    return torch.stack(found)[back]
