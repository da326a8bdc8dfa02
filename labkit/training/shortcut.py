"""Frozen layers are computed once for each row; later passes start at the first that learns.

The batch carries the states that enter that layer, so the loss is the same as without the shortcut.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data import Tokens
from . import batches
from .batches import Batch, LossSum
from .methods import head_of
from .states import Store, mib
from .trunk import Trunk

STATES = "states"
"""Name of the kept states in a batch."""

PROBE = 4
"""Rows on which it is tried whether layers can be left out."""


class Shortcut:
    """Batches with the states that enter the first learning layer, and the loss from there.

    Args:
        model: The model with its adapter.
        rows: All rows that will be asked for.
        collate: Makes a batch of rows, packed or padded.
        loss_sum: What is computed of a model, a batch and the model's head.
        folder: Folder of the file; the file has no name there and is gone when this is.
        emit: Called as `emit("note", text=…)`.
    """

    def __init__(
        self,
        model: nn.Module,
        rows: Sequence[Tokens],
        collate: Callable[[Sequence[Tokens]], Batch],
        loss_sum: LossSum = batches.loss_sum,
        *,
        folder: Path,
        emit: Callable[..., None],
    ) -> None:
        self._trunk, self._rows, self._collate = Trunk.of(model), rows, collate
        self._loss_sum = loss_sum
        self._folder, self._emit = folder, emit
        self._store: Store | None = None
        self._is_decided = False

    def batch(self, rows: Sequence[Tokens]) -> Batch:
        """Return the batch of rows, with its states where the frozen layers can be left out."""
        if not self._is_decided:  # only now the trainer has made the model ready
            self._is_decided, self._store = True, self._open()
        batch = self._collate(rows)
        if self._store is None:
            return batch
        return batch | {STATES: self._store.of_batch(rows, batch)}

    def loss_sum(self, model: nn.Module, batch: Batch, head: nn.Module) -> Tensor:
        """Return the summed loss of a batch from `batch`."""
        if STATES not in batch:
            return self._loss_sum(model, batch, head)
        rest = {name: value for name, value in batch.items() if name != STATES}
        return self._trunk.loss_sum(rest, head, batch[STATES], model, self._loss_sum)

    def _open(self) -> "Store | None":
        """Return where states are kept, or None and say why not."""
        shortest = sorted(self._rows, key=lambda row: len(row.input_ids))[:PROBE]
        reason = self._trunk.obstacle(self._on_device(shortest))
        if reason is not None:
            self._emit("note", text=f"The frozen layers are computed in each pass: {reason}.")
            return None
        store = Store(self._rows, self._states, self._folder)
        frozen, count = len(self._trunk.layers), self._trunk.n_layers
        text = (
            f"The first {frozen} of {count} layers learn nothing: what they compute is kept "
            f"({mib(store.size)} on the disk) and not computed again."
        )
        self._emit("note", text=text)
        return store

    def _on_device(self, rows: Sequence[Tokens]) -> Batch:
        device = next(head_of(self._trunk.model).parameters()).device
        return batches.to_device(self._collate(rows), device)

    @torch.no_grad()
    def _states(self, rows: Sequence[Tokens]) -> list[Tensor]:
        """Compute the states of each row, `(tokens fed, hidden)`."""
        batch = self._on_device(rows)
        return rows_of(batch, self._trunk.states(batch), rows)


def rows_of(batch: Batch, states: Tensor, rows: Sequence[Tokens]) -> list[Tensor]:
    """Return each row's own part of a batch's states, a common beginning included."""
    fed = [len(row.input_ids) - 1 for row in rows]
    if "packed_layout" not in batch:
        return [of_row[:length] for of_row, length in zip(states, fed, strict=True)]
    prefix = batch["packed_layout"].prefix
    lengths = [prefix, *(length - prefix for length in fed)]
    start, *tails = torch.split_with_sizes(states[0], lengths)
    return [torch.cat([start, tail]) for tail in tails]
