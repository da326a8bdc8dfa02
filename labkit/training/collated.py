"""Batches of numbered rows, so that a step that fails can name the rows it was made of.

Where several processes train, each makes a batch of its own share of the rows. All of it can be
sent to a data loading worker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..data import Tokens
from . import processes
from .batches import Batch

Collate = Callable[[Sequence[Tokens]], Batch]
Numbered = tuple[int, Tokens]
"""A row and its place among the training rows."""


@dataclass(frozen=True)
class Collated:
    """A collator of numbered rows; its batches say in `places` `(rows,)` int64 which they have."""

    collate: Collate
    """Makes a batch of rows."""

    def __call__(self, items: Sequence[Numbered]) -> Batch:
        """Return this process's batch; without rows of its own it computes one that is idle."""
        share = processes.mine(items)
        items, idle = (share, {}) if share else (items[:1], {"idle": torch.ones(1)})
        places, rows = zip(*items, strict=True)
        return self.collate(rows) | idle | {"places": torch.tensor(places)}


@dataclass(frozen=True)
class Changed:
    """A collator whose batches are changed before anybody sees them."""

    collate: Collate
    """Makes a batch of rows."""

    change: Callable[[Batch], Batch]
    """What is done to it."""

    def __call__(self, rows: Sequence[Tokens]) -> Batch:
        """Return the changed batch of rows."""
        return self.change(self.collate(rows))
