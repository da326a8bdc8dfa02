"""Keys and values of what a model has read: immutable views on buffers that grow in place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

STEP = 128
"""Tokens that buffers grow by."""

_LENGTH = 2  # axis


class Buffers:
    """Keys and values with room for more tokens.

    Whoever extends the newest view writes behind it; who extends an older one gets a copy, so no
    view ever changes.

    Args:
        arrays: One `(rows, heads, capacity, size)` float32 per graph input of earlier tokens.
        length: Tokens in them.
    """

    def __init__(self, arrays: Iterable[npt.NDArray[np.float32]], length: int) -> None:
        from onnxruntime import OrtValue

        self.arrays = tuple(arrays)
        self.tensors = tuple(map(OrtValue.ortvalue_from_numpy, self.arrays))  # share the memory
        self._length = length
        self._lock = Lock()

    def claim(self, length: int, total: int) -> bool:
        """Tell whether the room from `length` to `total` is free; it is the caller's then."""
        with self._lock:
            is_free = length == self._length and total <= self.arrays[0].shape[_LENGTH]
            if is_free:
                self._length = total
            return is_free


@dataclass(frozen=True)
class Cache:
    """Keys and values of the tokens read so far; immutable, so branches may share one."""

    tensors: tuple[Any, ...]
    """One ONNX Runtime value per graph input of earlier tokens: `(rows, heads, length, size)`;
    with `buffers` the length is that of the buffers."""

    length: int
    """Tokens read."""

    rows: int = 1
    """Sequences side by side."""

    buffers: Buffers | None = None
    """Where the tensors lie, if they may grow in place."""

    def values(self) -> tuple[Any, ...]:
        """Return the tensors, each as long as what was read."""
        from onnxruntime import OrtValue

        if not self.buffers:
            return self.tensors
        return tuple(map(OrtValue.ortvalue_from_numpy, map(np.ascontiguousarray, self.arrays())))

    def arrays(self) -> Iterator[npt.NDArray[np.float32]]:
        """Yield each tensor, as far as it was read."""
        if self.buffers:
            yield from (array[:, :, : self.length] for array in self.buffers.arrays)
        else:
            yield from (value.numpy() for value in self.tensors)

    def repeat(self, rows: int) -> "Cache":
        """Return this one-row cache for `rows` equal sequences."""
        from onnxruntime import OrtValue

        copies = (np.repeat(array, rows, axis=0) for array in self.arrays())
        return Cache(tuple(map(OrtValue.ortvalue_from_numpy, copies)), self.length, rows)

    def with_room(self, total: int) -> Buffers:
        """Return buffers that hold these tokens and may be written up to `total`."""
        if self.buffers and self.buffers.claim(self.length, total):
            return self.buffers
        return Buffers((_with_room(array, total) for array in self.arrays()), total)


def empty(shapes: list[list[int]]) -> Cache:
    """Return the cache of a model that has read nothing, one tensor a shape."""
    from onnxruntime import OrtValue

    tensors = (OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32)) for shape in shapes)
    return Cache(tuple(tensors), 0, shapes[0][0] if shapes else 1)


def _with_room(array: npt.NDArray[np.float32], total: int) -> npt.NDArray[np.float32]:
    rows, heads, length, size = array.shape
    wide = np.empty((rows, heads, -(-total // STEP) * STEP, size), np.float32)
    wide[:, :, :length] = array
    return wide
