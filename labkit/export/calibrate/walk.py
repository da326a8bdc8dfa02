"""Round a model layer by layer: each sees its inputs as the rounded layers before it make them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from .gptq import gptq
from .grid import Grid

Plan: TypeAlias = Callable[[str], tuple[int, int]]
"""Name of a module → bits and block size."""


TOGETHER = dict.fromkeys(("q_proj", "k_proj", "v_proj"), "qkv_proj") | dict.fromkeys(
    ("gate_proj", "up_proj"), "gate_up_proj"
)
"""Products that read the same inputs, and what they are called together."""


def linears(model: nn.Module) -> dict[str, nn.Linear]:
    """Return the products inside a causal language model's layers, by name."""
    return {
        f"model.layers.{number}.{name}": module
        for number, layer in enumerate(layers(model))
        for name, module in _products(layer).items()
    }


def units(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return products that read the same inputs together, as the ONNX graph computes them."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for name in names:
        room, _, last = name.rpartition(".")
        found[f"{room}.{TOGETHER.get(last, last)}"] += (name,)
    return dict(found)


def layers(model: Any) -> Sequence[nn.Module]:  # noqa: ANN401 - a transformers model
    """Return the decoder layers of a causal language model."""
    found: Sequence[nn.Module] = model.model.layers
    return found


@torch.no_grad()
def round_layers(
    model: nn.Module, batches: Sequence[Tensor], plan: Plan, done: Callable[[int, int], None]
) -> dict[str, Grid]:
    """Round the products of all layers by `gptq`, in place, and return their grids by name.

    Args:
        model: Causal language model in float32.
        batches: `(rows, n)` token ids of texts to go by.
        plan: Bits and block size of each product.
        done: Called with the layers rounded so far and their number.
    """
    hidden, options = _inputs(model, batches)
    grids = {}
    for number, layer in enumerate(layers(model)):
        read = list(zip(hidden, options[number], strict=True))
        for names in units(_products(layer)).values():  # each unit sees the rounded ones before it
            for name, gram in _grams(layer, names, read).items():
                module: Any = layer.get_submodule(name)
                whole = f"model.layers.{number}.{name}"
                grids[whole] = gptq(module.weight, gram, *plan(whole))
                module.weight.copy_(grids[whole].weight())
        hidden = [_output(layer, *each) for each in read]
        done(number + 1, len(layers(model)))
    return grids


def _inputs(
    model: nn.Module, batches: Sequence[Tensor]
) -> tuple[list[Tensor], list[list[dict[str, Any]]]]:
    """Return the first layer's `(rows, n, hidden)` inputs, one a batch, and all layers' options.

    The options are masks and positions: the same whatever the weights are.
    """
    hidden: list[Tensor] = []
    options: list[list[dict[str, Any]]] = [[] for _ in layers(model)]

    def keep(number: int) -> Callable[..., None]:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], given: dict[str, Any]) -> None:
            rest = dict(given)
            first = args[0] if args else rest.pop("hidden_states")
            options[number].append(rest)
            if not number:
                hidden.append(first)

        return hook

    hooks = [
        layer.register_forward_pre_hook(keep(number), with_kwargs=True)
        for number, layer in enumerate(layers(model))
    ]
    with _removed(hooks):
        for ids in batches:
            model(input_ids=ids, use_cache=False, logits_to_keep=1)
    return hidden, options


def _products(layer: nn.Module) -> dict[str, nn.Linear]:
    return {name: part for name, part in layer.named_modules() if isinstance(part, nn.Linear)}


def _grams(
    layer: nn.Module, names: Sequence[str], read: Sequence[tuple[Tensor, dict[str, Any]]]
) -> dict[str, Tensor]:
    """Return the sum of `x xᵀ` over the inputs of some products of a layer, by their names."""
    grams: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
            rows = args[0].flatten(0, -2)
            grams[name] = grams.get(name, 0) + rows.T @ rows

        return hook

    hooks = [layer.get_submodule(name).register_forward_pre_hook(keep(name)) for name in names]
    with _removed(hooks):
        for each in read:
            _output(layer, *each)
    return grams


def _output(layer: nn.Module, hidden: Tensor, options: dict[str, Any]) -> Tensor:
    found = layer(hidden, **options)
    whole: Tensor = found[0] if isinstance(found, tuple) else found
    return whole


@contextmanager
def _removed(hooks: Sequence[Any]) -> Iterator[None]:
    """Remove hooks at the end of the block."""
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
