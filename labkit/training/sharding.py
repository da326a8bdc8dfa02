"""Processes that hold one model between them: fully sharded data parallel (FSDP).

Each process keeps its part of every weight; a block's weights come together when it computes and
part again after it (Rajbhandari et al. 2020, arXiv:1910.02054; Zhao et al. 2023, arXiv:2304.11277).
An adapter is small: each process holds it whole, and its gradients are averaged as in DDP. Where
the model itself learns, its gradients and the optimizer's state are shared out too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from . import processes
from .methods import base_of, is_adapted


def shard(model: nn.Module) -> None:
    """Share out the weights of a model among the processes; one process keeps all of them.

    Args:
        model: A model ready to learn, the same in each process.
    """
    if processes.size() == 1 or is_sharded(model):
        return
    from torch.distributed.fsdp import fully_shard

    learns = {weight for weight in model.parameters() if weight.requires_grad}
    whole = learns if is_adapted(model) else set()
    for block in _blocks(model):
        fully_shard(block, ignored_params=whole)
    fully_shard(model, ignored_params=whole)


def is_sharded(model: nn.Module) -> bool:
    """Tell whether the weights of a model are shared out."""
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


@contextmanager
def whole(model: nn.Module) -> Iterator[None]:
    """Let each process hold all weights inside, so that one may compute by itself."""
    parts = _parts(model)
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(part is not parts[0], recurse=False)


@torch.no_grad()
def bring_together(model: nn.Module) -> None:
    """Make a model ordinary again, whole in each process; one that is not shared out stays."""
    if not is_sharded(model):
        return
    parts, state = _parts(model), full_weights(model)
    for module in model.modules():
        for name, weight in [*module.named_parameters(recurse=False)]:
            setattr(module, name, state[id(weight)])
        _forget_sharding(module)
    for part in parts:
        part.__class__ = type(part).__bases__[1]  # `fully_shard` put FSDPModule before it


def _forget_sharding(module: nn.Module) -> None:
    """Take off what `fully_shard` hung on a module."""
    hooks = (value for name, value in vars(module).items() if name.endswith("_hooks"))
    for by_number in (value for value in hooks if isinstance(value, dict)):
        for number, hook in [*by_number.items()]:
            if getattr(hook, "__module__", "").startswith("torch.distributed.fsdp"):
                del by_number[number]


def full_weights(model: nn.Module) -> dict[int, nn.Parameter]:
    """Return a model's weights whole, by the `id` of the weight; all processes must ask."""
    return {
        id(weight): nn.Parameter(full_tensor(weight), requires_grad=weight.requires_grad)
        if _is_part(weight)
        else weight
        for weight in model.parameters()
    }


def full_tensor(value: Tensor) -> Tensor:
    """Return a weight, a gradient or a norm whole; all processes must ask."""
    if not _is_part(value):
        return value
    part: Any = value
    full: Tensor = part.full_tensor()
    return full


@torch.no_grad()
def full_state(model: nn.Module) -> dict[str, Tensor]:
    """Return all weights of a model by name, tied ones under each of their names.

    All processes must ask.
    """
    found = full_weights(model)
    named = {n: found[id(w)] for n, w in model.named_parameters(remove_duplicate=False)}
    return {name: named.get(name, value) for name, value in model.state_dict().items()}


def gathered_state(_: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """Return an optimizer's state as one process would have it; all processes must ask."""
    each = {
        number: {name: _full(value) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": each}


def shared_out_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """Return this process's part of the state that one process would have."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    each = {
        number: {name: _part_of(value, weights[number]) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": each}


def _part_of(value: Any, weight: Tensor) -> Any:  # noqa: ANN401 - of an optimizer's state
    from torch.distributed.tensor import distribute_tensor

    if not _is_part(weight) or not isinstance(value, Tensor) or value.shape != weight.shape:
        return value
    of: Any = weight
    return distribute_tensor(value, of.device_mesh, of.placements)


def _full(value: Any) -> Any:  # noqa: ANN401 - of an optimizer's state
    return full_tensor(value) if isinstance(value, Tensor) else value


def _is_part(value: Tensor) -> bool:
    from torch.distributed.tensor import DTensor

    return isinstance(value, DTensor)


def _parts(model: nn.Module) -> list[Any]:
    """Return the modules that are shared out by themselves, the model first."""
    from torch.distributed.fsdp import FSDPModule

    return [module for module in model.modules() if isinstance(module, FSDPModule)]


def _blocks(model: nn.Module) -> list[nn.Module]:
    """Return the blocks of a model: what Transformers never splits among devices."""
    names = set(base_of(model)._no_split_modules or ())
    return [module for module in model.modules() if type(module).__name__ in names]
