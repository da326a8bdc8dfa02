"""What a model reads first and next when several rows are answered at once.

Padding stands before a row and is masked out. Where the adapter has learned a prompt, its virtual
tokens are read once, here; PEFT's own forward would put them before every further token too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .kinds import Cache, Model, Rows
from .modes import device_of, learns_a_prompt

if TYPE_CHECKING:
    import torch

Inputs: TypeAlias = "dict[str, torch.Tensor]"
"""A model's inputs by name; mask and places stand in them only where rows were padded."""


def opening(model: Model, rows: Rows) -> tuple[Model, Inputs, Cache]:
    """Return the model that reads on, its first inputs and the cache they go on from."""
    if not learns_a_prompt(model):
        return model, left_padded(rows, device_of(model)), None
    if model.active_peft_config.peft_type.value == "PREFIX_TUNING":
        return _after_prefix(model, rows)
    return _after_prompt(model, rows)


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


def _virtual(model: Model) -> int:
    return int(model.active_peft_config.num_virtual_tokens)
