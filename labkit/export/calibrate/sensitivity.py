"""Which products suffer most from 4 bits, measured one by one, and which of them get 8."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .grid import n_bytes, nearest
from .walk import layers, linears, units

N_BATCHES, N_ROWS = 6, 2
"""Texts that are read for each product: this many rows of this many batches."""


@torch.no_grad()
def sensitivities(
    model: Any,  # noqa: ANN401 - a transformers model
    batches: Sequence[Tensor],
    block_size: int,
    done: Callable[[int, int], None],
) -> dict[str, float]:
    """Return how far the model goes astray when one unit alone has 4 bits, nats per token.

    Args:
        model: Causal language model in float32; it is left as it was.
        batches: `(rows, n)` token ids.
        block_size: Inputs that share a scale.
        done: Called with the units measured so far and their number.
    """
    texts = [_Text(model, ids[:N_ROWS]) for ids in spread(batches, N_BATCHES)]
    modules, groups, found = linears(model), units(linears(model)), {}
    for number, (unit, names) in enumerate(groups.items(), start=1):
        kept = {name: modules[name].weight.clone() for name in names}
        for name in names:
            modules[name].weight.copy_(nearest(kept[name], 4, block_size).weight())
        found[unit] = _divergence(model, texts, _layer(unit))
        for name in names:
            modules[name].weight.copy_(kept[name])
        done(number, len(groups))
    return found


def in_eight_bits(
    found: Mapping[str, float], modules: Mapping[str, nn.Linear], block_size: int, room: float
) -> list[str]:
    """Return the units that gain most from 8 bits for each byte, as many as there is room for.

    Args:
        found: Of `sensitivities`.
        modules: Of `linears`.
        block_size: Inputs that share a scale.
        room: Bytes that 8 bits in place of 4 may take in all.
    """
    more = {
        unit: sum(_eight_for_four(modules[name].weight.numel(), block_size) for name in names)
        for unit, names in units(modules).items()
    }
    chosen = []
    for unit in sorted(found, key=lambda unit: found[unit] / more[unit], reverse=True):
        if more[unit] <= room:
            chosen.append(unit)
            room -= more[unit]
    return chosen


def _eight_for_four(n_values: int, block_size: int) -> float:
    """Return the bytes that 8 bits take beyond 4."""
    return n_bytes(n_values, 8, block_size) - n_bytes(n_values, 4, block_size)


def spread(items: Sequence[Tensor], n: int) -> list[Tensor]:
    """Return at most `n` items spread over all."""
    places = torch.linspace(0, len(items) - 1, min(n, len(items))).round().int().tolist()
    return [items[place] for place in places]


class _Text:
    """A text as the model read it before anything was rounded.

    Args:
        model: Causal language model.
        ids: `(rows, n)` token ids.
    """

    def __init__(self, model: Any, ids: Tensor) -> None:  # noqa: ANN401 - a transformers model
        self.ids = ids
        self.outputs: list[Any] = []
        """What each layer gave."""
        hooks = [layer.register_forward_hook(self._keep) for layer in layers(model)]
        self.wanted = _log_softmax(model, ids)
        for hook in hooks:
            hook.remove()

    def _keep(self, _layer: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 - torch's
        self.outputs.append(output)


def _divergence(model: Any, texts: Sequence[_Text], first: int) -> float:  # noqa: ANN401
    """Return the mean KL over the tokens of all texts, nats, when layer `first` has changed."""
    total, n = 0.0, 0
    for text in texts:
        with _starting(layers(model)[:first], text.outputs[:first]):
            after = _log_softmax(model, text.ids)
        total += float((text.wanted.exp() * (text.wanted - after)).sum())
        n += len(after)
    return total / n


@contextmanager
def _starting(before: Sequence[Any], outputs: Sequence[Any]) -> Iterator[None]:
    """Let layers give what they gave, without computing it again."""
    for layer, output in zip(before, outputs, strict=True):
        layer.forward = lambda *_, output=output, **__: output
    try:
        yield
    finally:
        for layer in before:
            del layer.forward


def _log_softmax(model: Any, ids: Tensor) -> Tensor:  # noqa: ANN401 - a transformers model
    logits: Tensor = model(input_ids=ids, use_cache=False).logits
    return logits.float().log_softmax(-1).flatten(0, 1)


def _layer(unit: str) -> int:
    """Return the number in `model.layers.7.…`."""
    return int(unit.removeprefix("model.layers.").split(".")[0])
