"""Processes that train one model side by side, each on its own rows of every batch.

Who is who stands in the environment, as `torchrun` and `accelerate launch` write it. A process that
is alone is the first of one, and nothing here costs it anything. What must be the same everywhere
(the settings, how it computes, when to stop) the first one decides.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .. import machine

T = TypeVar("T")

LAUNCHED_SHARED, SHARED = "ACCELERATE_USE_FSDP", "LABKIT_FSDP"
"""Variables that ask for FSDP: the one that `accelerate launch` sets, and ours, which no library
but this one reads."""


def size() -> int:
    """Return how many processes train."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return which of them this is, counted from 0."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Tell whether this is the one that decides, records and saves."""
    return rank() == 0


def share_weights(asked: bool) -> bool:
    """Tell whether each process is to hold a part of the weights (FSDP).

    Args:
        asked: Whether the settings say so; a launcher may too.
    """
    return size() > 1 and (asked or machine.is_asked(SHARED))


def meet() -> None:
    """Wait until all processes are there."""
    if size() == 1:
        return
    if LAUNCHED_SHARED in os.environ:  # Accelerate's own way to share out needs a GPU
        os.environ[SHARED] = os.environ.pop(LAUNCHED_SHARED)
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available())


def leave() -> None:
    """Let go of the others, and forget that there were any."""
    if size() == 1:
        return
    import torch
    from accelerate.state import AcceleratorState, GradientState, PartialState

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    for state in (AcceleratorState, PartialState, GradientState):
        state._reset_state()


def agreed(find: Callable[[], T]) -> T:
    """Return what the first process finds; the others wait for it."""
    if size() == 1:
        return find()
    from torch.distributed import broadcast_object_list

    told: list[Any] = [find() if is_first() else None]
    broadcast_object_list(told, src=0)
    return told[0]  # type: ignore[no-any-return]


def gathered(value: T) -> list[T]:
    """Return the value that each process has, in the order of their ranks."""
    if size() == 1:
        return [value]
    from torch.distributed import all_gather_object

    found: list[Any] = [None] * size()
    all_gather_object(found, value)
    return found


def mine(items: Sequence[T]) -> Sequence[T]:
    """Return this process's share of some items; it may be empty."""
    return items[rank() :: size()]
