"""Which layers of a model a method changes: by name, by expression, or those of its paper."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import layer_names
from ..layer_names import FEED_FORWARD_OUTPUTS, KEYS_AND_VALUES, block_of, ends_with
from .facts import head_of

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

__all__ = [
    "FEED_FORWARD_OUTPUTS",
    "KEYS_AND_VALUES",
    "block_of",
    "block_outputs",
    "ends_with",
    "linear_layers",
    "of_last_layers",
    "output_layer",
    "present",
    "target_modules",
    "whole_layers",
]


def target_modules(model: "nn.Module", wanted: str | tuple[str, ...]) -> str | list[str]:
    """Return `wanted` in PEFT's form; see `layer_names.targets`."""
    return layer_names.targets(linear_layers(model), wanted)


def of_last_layers(
    model: "PreTrainedModel", wanted: str | list[str], last: int | None
) -> str | list[str]:
    """Return the full names of the wanted layers in the model's `last` blocks; None takes all."""
    if last is None:
        return wanted
    count = model.config.get_text_config().num_hidden_layers
    return layer_names.of_last_blocks(linear_layers(model), wanted, last, count)


def block_outputs(model: "nn.Module", placement: str) -> list[str]:
    """Return the names of the layers that end a block; see `layer_names.block_ends`."""
    return layer_names.block_ends(linear_layers(model), placement)


def present(model: "nn.Module", names: Sequence[str]) -> list[str]:
    """Return those of `names` that layers of the model have; there must be one."""
    return layer_names.those_in(linear_layers(model), names)


def whole_layers(model: "nn.Module", wanted: Sequence[str]) -> list[str] | None:
    """Return the full names of the layers to train whole; see `layer_names.whole`."""
    named = model.named_modules()
    layers = [name for name, module in named if [*module.parameters(recurse=False)]]
    return layer_names.whole(layers, wanted) or None


def linear_layers(model: "nn.Module") -> list[str]:
    """Return the full names of the layers that an adapter can sit on."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    return [name for name, m in model.named_modules() if isinstance(m, nn.Linear | Conv1D)]


def output_layer(model: "nn.Module") -> str:
    """Return the full name of the layer that makes the logits."""
    head = head_of(model)
    names: list[str] = [name for name, module in model.named_modules() if module is head]
    return names[0]
