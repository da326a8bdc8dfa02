"""The batches made last, each with its rows, so that a step that fails can name them.

Where several processes train, each makes a batch of its own share of the rows.
"""

from collections import deque
from collections.abc import Callable, Sequence

import torch

from ..data import Tokens
from . import processes
from .batches import Batch


class Collated:
    """A collator that remembers which rows its last batches were made of.

    Args:
        collate: Makes a batch of rows.
        rows: All training rows.
        last: Batches that are remembered; some are made ahead of their step.
    """

    def __init__(
        self, collate: Callable[[Sequence[Tokens]], Batch], rows: Sequence[Tokens], last: int
    ) -> None:
        self._collate = collate
        self._places = {id(row): place for place, row in enumerate(rows)}
        self._made: deque[tuple[Batch, list[int]]] = deque(maxlen=last)

    def __call__(self, rows: Sequence[Tokens]) -> Batch:
        """Return this process's batch; without rows of its own it computes one that is idle."""
        share = processes.mine(rows)
        rows, idle = (share, {}) if share else (rows[:1], {"idle": torch.ones(1)})
        batch = self._collate(rows) | idle
        self._made.append((batch, [self._places[id(row)] for row in rows]))
        return batch

    def rows_of(self, batch: Batch) -> list[int]:
        """Return the places of a batch's rows among the training rows; none if long ago."""
        ids = batch["input_ids"].cpu()
        same = (places for made, places in self._made if made["input_ids"].equal(ids))
        return next(same, [])


def changed(
    collate: Callable[[Sequence[Tokens]], Batch], change: Callable[[Batch], Batch]
) -> Callable[[Sequence[Tokens]], Batch]:
    """Return the function that makes a batch of rows and changes it."""
    return lambda rows: change(collate(rows))
