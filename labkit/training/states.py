"""What the frozen layers compute for each row, kept in a file from the first time it is needed.

The rows are cut into groups once, and a group is computed whole, so that a row's states have the
same bits whenever and in whatever order the rows are asked for: a resumed run computes what it
needs again and goes on as if it had never ended.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import machine
from ..data import Tokens
from ..errors import RunError
from . import batches
from .batches import Batch

GROUP_TOKENS = 2048
"""Tokens that are computed at once; without a backward pass that is less than a step needs."""

RESERVE = 128 * machine.MIB
"""Bytes of the disk that stay free, for checkpoints."""

Key = tuple[int, ...]
"""The tokens of a row that a model is fed: all but the last."""


@dataclass(frozen=True)
class Place:
    """Where a row's states lie."""

    group: int
    """Group of rows that it is computed with."""

    start: int
    """Its first token in the file."""

    length: int
    """Its tokens in the file, those after the common beginning."""


class Store:
    """States of rows in a file, `(tokens, hidden)` float32; a common beginning lies there once.

    Args:
        rows: The rows; equal ones are kept once.
        compute: Returns the states of each of some rows.
        folder: Where the file lies.

    Raises:
        RunError: The disk has no room for it.
    """

    def __init__(
        self,
        rows: Sequence[Tokens],
        compute: Callable[[Sequence[Tokens]], list[Tensor]],
        folder: Path,
    ) -> None:
        self._compute = compute
        distinct = list({key_of(row): row for row in rows}.values())
        self._groups = groups(distinct)
        self._prefix = batches.common_prefix(distinct)
        self._places = _places(self._groups, self._prefix)
        self._filled: set[int] = set()
        n_tokens = self._prefix + sum(place.length for place in self._places.values())
        first = compute(self._groups[0])
        self._dtype, hidden = first[0].dtype, first[0].shape[1]
        self.size = 4 * n_tokens * hidden
        self._file = _mapped(folder, self.size).view(-1, hidden)
        self._file[: self._prefix] = first[0][: self._prefix]
        self._keep(0, first)

    def of(self, row: Tokens, start: int = 0) -> Tensor:
        """Return a row's states from token `start` on, `(tokens, hidden)`."""
        place = self._places[key_of(row)]
        if place.group not in self._filled:
            self._keep(place.group, self._compute(self._groups[place.group]))
        skip = max(0, start - self._prefix)
        own = self._file[place.start + skip : place.start + place.length]
        whole = own if start >= self._prefix else torch.cat([self._file[start : self._prefix], own])
        return whole.to(self._dtype)

    def of_batch(self, rows: Sequence[Tokens], batch: Batch) -> Tensor:
        """Return the states as a batch has them, `(1, n, hidden)` or `(rows, length, hidden)`."""
        if "packed_layout" in batch:
            prefix = batch["packed_layout"].prefix
            parts = [self.of(rows[0])[:prefix], *(self.of(row, prefix) for row in rows)]
            return torch.cat(parts)[None]
        states = self._file.new_zeros(*batch["input_ids"].shape, self._file.shape[1])
        states = states.to(self._dtype)  # no place after a row's end is ever looked at
        for at, row in enumerate(rows):
            states[at, : len(row.input_ids) - 1] = self.of(row)
        return states

    def _keep(self, group: int, states: Iterable[Tensor]) -> None:
        for row, computed in zip(self._groups[group], states, strict=True):
            place = self._places[key_of(row)]
            self._file[place.start : place.start + place.length] = computed[self._prefix :]
        self._filled.add(group)


def key_of(row: Tokens) -> Key:
    """Return what the states of a row depend on."""
    return tuple(row.input_ids[:-1])


def groups(rows: Iterable[Tokens]) -> list[list[Tokens]]:
    """Cut rows into groups of limited size, rows of similar length together."""
    found: list[list[Tokens]] = [[]]
    n_tokens = 0
    for row in sorted(rows, key=lambda row: (len(row.input_ids), row.input_ids)):
        n_tokens += len(row.input_ids)
        if found[-1] and n_tokens > GROUP_TOKENS:
            found.append([])
            n_tokens = len(row.input_ids)
        found[-1].append(row)
    return found


def mib(size: float) -> str:
    """Return a number of bytes in MiB."""
    return f"{max(1, round(size / machine.MIB))} MiB"


def _places(found: list[list[Tokens]], prefix: int) -> dict[Key, Place]:
    places, start = {}, prefix
    for group, rows in enumerate(found):
        for row in rows:
            length = len(row.input_ids) - 1 - prefix
            places[key_of(row)] = Place(group, start, length)
            start += length
    return places


def _mapped(folder: Path, size: int) -> Tensor:
    """Return `size` bytes of a new file as float32; the file has no name, so it cannot be left."""
    free = shutil.disk_usage(folder).free
    if size > free - RESERVE:
        raise _no_room(folder, size, free)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            _reserve(file.fileno(), size)
        except OSError as error:
            raise _no_room(folder, size, free) from error
        return torch.from_numpy(np.memmap(file, dtype=np.float32, mode="r+"))


def _reserve(descriptor: int, size: int) -> None:
    """Give a file its whole size now; writing to a mapped one on a full disk would be a crash."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def _no_room(folder: Path, size: int, free: int) -> RunError:
    return RunError(
        f"last_layers keeps {mib(size)} of states in {folder}, where {mib(free)} are free.",
        hint="Free some space, or take fewer rows (limit) or a smaller max_length.",
    )
