"""Rows that are learned in pairs: both sides of a pair are rows of one batch, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..data import PairTokens, SentencePair, Tokens
from . import batches
from .batches import Batch
from .collated import Collate


def sides(rows: Sequence[Tokens]) -> list[Tokens]:
    """Return the rows that the model reads: of a pair the first side, then the other."""
    return [side for row in rows for side in _sides(row)]


def _sides(row: Tokens) -> tuple[Tokens, ...]:
    if not isinstance(row, PairTokens):
        return (row,)
    return Tokens(row.input_ids, row.n_prompt), row.other


@dataclass(frozen=True)
class Paired:
    """A collator of pairs.

    Its batches say in `pairs` `(1,)` how many they have, and of sentences in `apart` `(pairs,)`
    float32 which mean different things.
    """

    collate: Collate
    """Makes a batch of the rows of both sides."""

    def __call__(self, rows: Sequence[Tokens]) -> Batch:
        """Return the batch of some pairs."""
        apart = [float(row.apart) for row in rows if isinstance(row, SentencePair)]
        more = {"apart": torch.tensor(apart)} if apart else {}
        return self.collate(sides(rows)) | {"pairs": torch.tensor([len(rows)])} | more


def items_of(row: Tokens) -> float:
    """Return how much a row adds to what a summed loss is divided by; a pair is one."""
    if isinstance(row, PairTokens):
        return 1.0
    return batches.n_targets(row) * batches.weight_of(row)
