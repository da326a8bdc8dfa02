"""Which products suffer most from 4 bits, measured one by one, and which of them get 8."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .grid import nearest
from .walk import linears, units

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
    texts = [ids[:N_ROWS] for ids in spread(batches, N_BATCHES)]
    wanted = [_log_softmax(model, ids) for ids in texts]
    modules, groups, found = linears(model), units(linears(model)), {}
    for number, (unit, names) in enumerate(groups.items(), start=1):
        kept = {name: modules[name].weight.clone() for name in names}
        for name in names:
            modules[name].weight.copy_(nearest(kept[name], 4, block_size).weight())
        found[unit] = _divergence(model, texts, wanted)
        for name in names:
            modules[name].weight.copy_(kept[name])
        done(number, len(groups))
    return found


def in_eight_bits(
    found: Mapping[str, float], modules: Mapping[str, nn.Linear], room: float
) -> list[str]:
    """Return the units that gain most from 8 bits for each byte, as many as there is room for.

    Args:
        found: Of `sensitivities`.
        modules: Of `linears`.
        room: Bytes that 8 bits in place of 4 may take in all.
    """
    sizes = {
        unit: sum(modules[name].weight.numel() for name in names) / 2
        for unit, names in units(modules).items()
    }
    chosen = []
    for unit in sorted(found, key=lambda unit: found[unit] / sizes[unit], reverse=True):
        if sizes[unit] <= room:
            chosen.append(unit)
            room -= sizes[unit]
    return chosen


def spread(items: Sequence[Tensor], n: int) -> list[Tensor]:
    """Return at most `n` items spread over all."""
    places = torch.linspace(0, len(items) - 1, min(n, len(items))).round().int().tolist()
    return [items[place] for place in places]


def _log_softmax(model: Any, ids: Tensor) -> Tensor:  # noqa: ANN401 - a transformers model
    logits: Tensor = model(input_ids=ids, use_cache=False).logits
    return logits.float().log_softmax(-1).flatten(0, 1)


def _divergence(model: Any, texts: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:  # noqa: ANN401
    """Return the mean KL over the tokens of all texts, nats."""
    total, n = 0.0, 0
    for ids, before in zip(texts, wanted, strict=True):
        after = _log_softmax(model, ids)
        total += float((before.exp() * (before - after)).sum())
        n += len(before)
    return total / n
