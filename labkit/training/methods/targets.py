"""Which layers of a model a method changes: by name, by expression, or those of its paper."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import SpecError
from .facts import head_of

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

ATTENTION_OUTPUTS = (
    "o_proj",
    "out_proj",
    "attn.c_proj",
    "attention.dense",
    "self_attn.dense",
    "self_attention.dense",
)
"""Names of the last layer of an attention block."""

FEED_FORWARD_OUTPUTS = ("down_proj", "mlp.c_proj", "dense_4h_to_h", "fc2", "fc_out")
"""Names of the last layer of a feed-forward block."""

KEYS_AND_VALUES = ("k_proj", "v_proj", "qkv_proj", "query_key_value", "c_attn")
"""Names of the layers that make an attention block's keys and values."""


def target_modules(model: "nn.Module", wanted: str | tuple[str, ...]) -> str | list[str]:
    """Return `wanted` in PEFT's form: `all-linear`, a list of names, or a regular expression.

    Raises:
        SpecError: A name or expression matches no linear layer.
    """
    if wanted == "all-linear":
        return wanted
    layers = linear_layers(model)
    if isinstance(wanted, str) and not _is_list(wanted):
        _require(any(_matches(wanted, layer) for layer in layers), wanted, layers)
        return wanted
    names = re.split(r"\s*,\s*", wanted) if isinstance(wanted, str) else list(wanted)
    for name in names:
        _require(any(ends_with(layer, name) for layer in layers), name, layers)
    return names


def of_last_layers(
    model: "PreTrainedModel", wanted: str | list[str], last: int | None
) -> str | list[str]:
    """Return the full names of the wanted layers in the model's `last` blocks; None takes all.

    Raises:
        SpecError: The model has fewer blocks, or none of them has such a layer.
    """
    if last is None:
        return wanted
    count = model.config.get_text_config().num_hidden_layers
    if last > count:
        raise SpecError(
            f"last_layers must be at most {count}, the layers of this model; got {last}.",
            hint="Leave it out to adapt all of them.",
        )
    layers = linear_layers(model)
    chosen = [
        name for name in layers if block_of(name) >= count - last and _is_wanted(name, wanted)
    ]
    _require(bool(chosen), f"{wanted} of the last {last}", layers)
    return chosen


def block_of(name: str) -> int:
    """Return the number of the block that a layer lies in, the first being 0; outside -1."""
    number = re.search(r"\.(\d+)\.", name)
    return int(number[1]) if number else -1


def block_outputs(model: "nn.Module", placement: str) -> list[str]:
    """Return the names of the layers that end a block, for bottleneck adapters.

    Args:
        model: The base model.
        placement: `houlsby` after attention and feed-forward, `pfeiffer` after the latter.
    """
    ends = FEED_FORWARD_OUTPUTS if placement == "pfeiffer" else ()
    return present(model, ends or (*ATTENTION_OUTPUTS, *FEED_FORWARD_OUTPUTS))


def present(model: "nn.Module", names: Sequence[str]) -> list[str]:
    """Return those of `names` that layers of the model have.

    Raises:
        SpecError: There is none, so the layers have to be named.
    """
    layers = linear_layers(model)
    found = [name for name in names if any(ends_with(layer, name) for layer in layers)]
    _require(bool(found), "auto", layers)
    return found


def whole_layers(model: "nn.Module", wanted: Sequence[str]) -> list[str] | None:
    """Return the full names of the layers to train whole; PEFT would take `norm` for all norms.

    Raises:
        SpecError: A name is that of no layer.
    """
    named = model.named_modules()
    layers = [name for name, module in named if [*module.parameters(recurse=False)]]
    full: list[str] = []
    for name in wanted:
        found = [layer for layer in layers if ends_with(layer, name)]
        if not found:
            raise SpecError(
                f"modules_to_save must name layers of the model; got {name!r}.",
                hint=f"There are {', '.join(_last_parts(layers))}.",
            )
        full += found
    return full or None


def linear_layers(model: "nn.Module") -> list[str]:
    """Return the full names of the layers that an adapter can sit on."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    return [name for name, m in model.named_modules() if isinstance(m, nn.Linear | Conv1D)]


def ends_with(layer: str, name: str) -> bool:
    """Tell whether `name` is a layer's name, in full or its last parts."""
    return f".{layer}".endswith(f".{name}")


def output_layer(model: "nn.Module") -> str:
    """Return the full name of the layer that makes the logits."""
    head = head_of(model)
    names: list[str] = [name for name, module in model.named_modules() if module is head]
    return names[0]


def _is_wanted(layer: str, wanted: str | list[str]) -> bool:
    if isinstance(wanted, list):
        return any(ends_with(layer, name) for name in wanted)
    return wanted == "all-linear" or _matches(wanted, layer)


def _is_list(wanted: str) -> bool:
    return re.fullmatch(r"[\w.]+(\s*,\s*[\w.]+)*", wanted) is not None


def _matches(expression: str, name: str) -> bool:
    try:
        return re.fullmatch(expression, name) is not None
    except re.error as error:
        raise SpecError(
            f"target_modules must be names or a regular expression; got {expression!r} ({error}).",
            hint="The default is 'all-linear'.",
        ) from error


def _require(found: bool, name: str, layers: list[str]) -> None:
    if not found:
        known = ", ".join(_last_parts(layers))
        raise SpecError(
            f"target_modules must name linear layers of the model; got {name!r}.",
            hint=f"There are {known}; 'all-linear' takes all but the last.",
        )


def _last_parts(layers: Sequence[str]) -> list[str]:
    return sorted({layer.rpartition(".")[2] for layer in layers})
