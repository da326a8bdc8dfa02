"""Models in PyTorch that stay in memory from one question to the next, as far as there is room."""

import gc
from collections.abc import Callable, Hashable

from .. import machine
from ..evaluation.kinds import Model

SHARE = 4
"""Held models may take one part in so many of the memory, so that a training finds the rest."""


class Held:
    """Models that were loaded; the one that was asked longest ago goes first.

    Args:
        room: Bytes that their weights may take together; left out: a quarter of the memory.
    """

    def __init__(self, room: int | None = None) -> None:
        self._room = machine.memory_limit() // SHARE if room is None else room
        self._models: dict[Hashable, Model] = {}

    def get(self, key: Hashable, load: Callable[[], Model]) -> Model:
        """Return the model of a key, loaded now or before.

        Args:
            key: Tells the model, and the state of its files, from all others.
            load: Loads it.
        """
        if key in self._models:
            self._models[key] = model = self._models.pop(key)
            return model
        self._make_room()
        model = load()
        if weights_bytes(model) <= self._room:
            self._models[key] = model
        return model

    def _make_room(self) -> None:
        """Let models go until one like the largest of them has room beside the rest."""
        sizes = {key: weights_bytes(model) for key, model in self._models.items()}
        next_size = max(sizes.values(), default=0)
        for key in tuple(sizes):
            if sum(sizes.values()) + next_size <= self._room:
                return
            del self._models[key], sizes[key]
            gc.collect()
            machine.give_back_memory()


def weights_bytes(model: Model) -> int:
    """Return the bytes of a model's weights."""
    return sum(weight.nbytes for weight in (*model.parameters(), *model.buffers()))
