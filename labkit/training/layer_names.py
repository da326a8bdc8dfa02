"""Which layers a setting means, told from the names of a model's layers; no torch."""

import re
from collections.abc import Sequence

from ..errors import SpecError, listed

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


def targets(layers: Sequence[str], wanted: str | tuple[str, ...]) -> str | list[str]:
    """Return `wanted` in PEFT's form: `all-linear`, a list of names, or a regular expression.

    Args:
        layers: Full names of the linear layers.
        wanted: The setting `target_modules`.

    Raises:
        SpecError: A name or expression matches no layer.
    """
    if wanted == "all-linear":
        return wanted
    if isinstance(wanted, str) and not _is_list(wanted):
        require(any(_matches(wanted, layer) for layer in layers), wanted, layers)
        return wanted
    names = re.split(r"\s*,\s*", wanted) if isinstance(wanted, str) else list(wanted)
    for name in names:
        require(any(ends_with(layer, name) for layer in layers), name, layers)
    return names


def of_last_blocks(
    layers: Sequence[str], wanted: str | list[str], last: int, count: int
) -> list[str]:
    """Return the full names of the wanted layers in the `last` of `count` blocks.

    Raises:
        SpecError: The model has fewer blocks, or none of them has such a layer.
    """
    if last > count:
        raise SpecError(
            f"last_layers must be at most {count}, the layers of this model; got {last}.",
            hint="Leave it out to adapt all of them.",
        )
    chosen = [name for name in layers if block_of(name) >= count - last and is_wanted(name, wanted)]
    require(bool(chosen), f"{wanted} of the last {last}", layers)
    return chosen


def block_of(name: str) -> int:
    """Return the number of the block that a layer lies in, the first being 0; outside -1."""
    number = re.search(r"\.(\d+)\.", name)
    return int(number[1]) if number else -1


def block_ends(layers: Sequence[str], placement: str) -> list[str]:
    """Return the names of the layers that end a block, for bottleneck adapters.

    Args:
        layers: Full names of the linear layers.
        placement: `houlsby` after attention and feed-forward, `pfeiffer` after the latter.
    """
    ends = FEED_FORWARD_OUTPUTS if placement == "pfeiffer" else ()
    return those_in(layers, ends or (*ATTENTION_OUTPUTS, *FEED_FORWARD_OUTPUTS))


def those_in(layers: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return those of `names` that layers have.

    Raises:
        SpecError: There is none, so the layers have to be named.
    """
    found = [name for name in names if any(ends_with(layer, name) for layer in layers)]
    require(bool(found), "auto", layers)
    return found


def feed_forward(
    layers: Sequence[str], chosen: str | list[str], wanted: tuple[str, ...] | None
) -> list[str]:
    """Return those of the targets whose input (IA)³ scales: `wanted`, else the feed-forward's last.

    Raises:
        SpecError: A wanted one is no target.
    """
    if isinstance(chosen, str):
        return list(wanted or those_in(layers, FEED_FORWARD_OUTPUTS))
    missing = [name for name in wanted or () if name not in chosen]
    if missing:
        raise SpecError(
            f"feedforward_modules must be among target_modules; got {missing[0]!r}.",
            hint=f"The targets are {listed(chosen, 'and')}.",
        )
    if wanted is not None:
        return list(wanted)
    ends = [n for n in layers if any(ends_with(n, end) for end in FEED_FORWARD_OUTPUTS)]
    return [name for name in chosen if any(ends_with(layer, name) for layer in ends)]


def whole(layers: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the full names of the layers to train whole; PEFT would take `norm` for all norms.

    Args:
        layers: Full names of all layers that hold weights.
        wanted: The setting `modules_to_save`.

    Raises:
        SpecError: A name is that of no layer.
    """
    full: list[str] = []
    for name in wanted:
        found = [layer for layer in layers if ends_with(layer, name)]
        if not found:
            raise SpecError(
                f"modules_to_save must name layers of the model; got {name!r}.",
                hint=f"There are {', '.join(_last_parts(layers))}.",
            )
        full += found
    return full


def ends_with(layer: str, name: str) -> bool:
    """Tell whether `name` is a layer's name, in full or its last parts."""
    return f".{layer}".endswith(f".{name}")


def is_wanted(layer: str, wanted: str | list[str]) -> bool:
    """Tell whether a layer is among `wanted`, as `targets` gives it."""
    if isinstance(wanted, list):
        return any(ends_with(layer, name) for name in wanted)
    return wanted == "all-linear" or _matches(wanted, layer)


def require(found: bool, name: str, layers: Sequence[str]) -> None:
    """Refuse a name that no linear layer has."""
    if not found:
        known = ", ".join(_last_parts(layers))
        raise SpecError(
            f"target_modules must name linear layers of the model; got {name!r}.",
            hint=f"There are {known}; 'all-linear' takes all but the last.",
        )


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


def _last_parts(layers: Sequence[str]) -> list[str]:
    return sorted({layer.rpartition(".")[2] for layer in layers})
