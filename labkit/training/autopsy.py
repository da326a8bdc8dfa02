"""Where a loss that is not a number came from: the layer that was first, and the rows.

A step is looked at only when its loss is not finite: its forward pass is computed once more, with
the same weights and the same rows, and every layer is watched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

WRAPPERS = ("base_model.model.", "module.")
"""Beginnings of names that a reader of the model's own code would not know."""


@torch.no_grad()
def origin(model: nn.Module, compute: Callable[[], Any]) -> str:
    """Return a sentence on where the first value came from that is not finite.

    Args:
        model: The model, with the weights of the step.
        compute: Computes the step's loss once more.
    """
    broken = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    if broken:
        return (
            f"{len(broken)} of the weights it began with were not finite, the first of them "
            f"{plain(broken[0])}."
        )
    with torch.random.fork_rng(), _watching(model) as found:
        compute()
    if found:
        return f"The first layer that gave such a value is {plain(found[0])}."
    return "All layers gave finite values; the loss of them did not."


@contextmanager
def _watching(model: nn.Module) -> Iterator[list[str]]:
    """Give a list that gets the names of layers whose output is not finite, the first one first."""
    found: list[str] = []

    def watcher(name: str) -> Callable[..., None]:
        def watch(_layer: nn.Module, _inputs: Any, output: Any) -> None:  # noqa: ANN401
            first = output[0] if isinstance(output, tuple) else output
            if isinstance(first, Tensor) and not first.isfinite().all():
                found.append(name)

        return watch

    named = [(name, layer) for name, layer in model.named_modules() if not [*layer.children()]]
    handles = [layer.register_forward_hook(watcher(name)) for name, layer in named]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def plain(name: str) -> str:
    """Return a layer's name as the base model has it."""
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    return name.replace(".base_layer", "").replace(".default", "")
