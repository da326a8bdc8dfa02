"""What a model reads first and next when several rows are answered at once.

Padding stands before a row and is masked out. Where the adapter has learned a prompt, its virtual
tokens are read once, here; PEFT's own forward would put them before every further token too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from ..training.virtual_tokens import learns_a_prompt
from .kinds import Cache, Model, Rows
from .modes import device_of

if TYPE_CHECKING:
    import torch

Inputs: TypeAlias = "dict[str, torch.Tensor]"
"""A model's inputs by name; mask and places stand in them only where rows were padded."""


def opening(model: Model, rows: Rows) -> tuple[Model, Inputs, Cache]:
    """Return the model that reads on, its first inputs and the cache they go on from."""
    if not learns_a_prompt(model):
        return model, left_padded(rows, device_of(model)), None
    return (_after_prefix if _learns_a_prefix(model) else _after_prompt)(model, rows)


def longest_padded(model: Model) -> float:
    """Return the most tokens, new ones included, of a row that is answered beside shorter ones.

    A learned prefix is cached before the padding of a short row, which so pushes it out of an
    attention window too early; as long as all tokens are inside the window, none is pushed out.
    """
    if not _learns_a_prefix(model):
        return math.inf
    config = model.get_base_model().config.get_text_config()
    window = getattr(config, "sliding_window", None)
    return math.inf if window is None else window - _virtual(model)


def left_padded(rows: Rows, device: torch.device) -> Inputs:
    """Return model inputs `(rows, longest)`."""
    import torch

    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(r)) + list(r) for r in rows], device=device)
    if all(len(row) == longest for row in rows):
        return {"input_ids": ids}
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    attention = torch.tensor(mask, device=device)
    places = (attention.cumsum(-1) - 1).clamp(min=0)
    return {"input_ids": ids, "attention_mask": attention, "position_ids": places}


def extended(inputs: Inputs, chosen: torch.Tensor) -> Inputs:
    """Return the inputs of the next step: the chosen `(rows,)` tokens on top of the cache."""
    import torch

    ids = chosen[:, None]
    if "attention_mask" not in inputs:
        return {"input_ids": ids}
    mask = torch.cat([inputs["attention_mask"], torch.ones_like(ids)], 1)
    places = inputs["position_ids"][:, -1:] + 1
    return {"input_ids": ids, "attention_mask": mask, "position_ids": places}


def _after_prefix(model: Model, rows: Rows) -> tuple[Model, Inputs, Cache]:
    """Prefix tuning: the virtual tokens are keys and values, so they are the cache."""
    import torch

    inputs, count = left_padded(rows, device_of(model)), _virtual(model)
    if "attention_mask" in inputs:
        mask = inputs["attention_mask"]
        inputs["attention_mask"] = torch.cat([mask.new_ones(len(rows), count), mask], 1)
        inputs["position_ids"] = inputs["position_ids"] + count
    return model.get_base_model(), inputs, model.get_prompt(len(rows))


def _after_prompt(model: Model, rows: Rows) -> tuple[Model, Inputs, Cache]:
    """Prompt tuning: the virtual tokens are embeddings, between the padding and the row."""
    count = _virtual(model)
    inputs = left_padded([[0] * count + list(row) for row in rows], device_of(model))
    embedded = model.word_embeddings(inputs.pop("input_ids")).clone()
    learned = model.get_prompt(len(rows)).to(embedded.dtype)
    for i, row in enumerate(rows):
        start = embedded.shape[1] - len(row) - count
        embedded[i, start : start + count] = learned[i]
    return model.get_base_model(), {"inputs_embeds": embedded, **inputs}, None


def _learns_a_prefix(model: Model) -> bool:
    """Say whether the virtual tokens are keys and values, not embeddings."""
    is_prompt = learns_a_prompt(model)
    return is_prompt and model.active_peft_config.peft_type.value == "PREFIX_TUNING"


def _virtual(model: Model) -> int:
    return int(model.active_peft_config.num_virtual_tokens)
