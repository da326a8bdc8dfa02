"""What a model has learned, on disk: an adapter in PEFT's format, or a whole model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .facts import is_adapted

if TYPE_CHECKING:
    from torch import nn

ADAPTER = "adapter_model.safetensors"
MODEL = "model.safetensors"
PREFIX = "prefix_encoder.safetensors"
"""The network that makes a prefix; PEFT keeps only what it makes, from which no run could go on."""

FILES = ("adapter_config.json", ADAPTER, "config.json", "generation_config.json", MODEL)
"""What belongs to the learned weights in a checkpoint; code of a remote model too."""


def save_adapter(
    model: "nn.Module", folder: Path, state: "dict[str, Tensor] | None" = None
) -> None:
    """Write what learned: an adapter, equal byte for byte where it is equal, or all weights.

    The vocabulary is not changed, so it is not saved with an adapter.

    Args:
        model: The model.
        folder: Folder to write.
        state: All weights, where the model has only its part of them.
    """
    saved: Any = model
    if not is_adapted(model):
        options = {"max_shard_size": "1TB", "save_original_format": False}
        saved.save_pretrained(str(folder), state_dict=state, **options)
        return
    saved.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a card with gaps; the run writes its own
    _sort(folder / "adapter_config.json")
    encoder = _projection(model)
    if encoder is not None:
        from safetensors.torch import save_file

        save_file(encoder.state_dict(), folder / PREFIX)


def _sort(file: Path) -> None:
    """Put in order what PEFT keeps as sets."""
    config = json.loads(file.read_text(encoding="utf-8"))
    for name, value in config.items():
        if isinstance(value, list):
            config[name] = sorted(value)
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@torch.no_grad()
def load_weights(model: "nn.Module", folder: Path) -> None:
    """Put what `save_adapter` wrote back into a model of the same shape."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    if not is_adapted(model):
        state = model.state_dict()
        for name, tensor in tensors(folder / MODEL):
            state[name].copy_(tensor)
        return
    encoder = _projection(model)
    if encoder is not None:
        encoder.load_state_dict(load_file(folder / PREFIX))
        return
    set_peft_model_state_dict(model, load_file(folder / ADAPTER))


def tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield names and tensors of a file, one in memory at a time."""
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        for name in opened.keys():  # noqa: SIM118 - it is no dict
            yield name, opened.get_tensor(name)


def state_of(model: "nn.Module") -> dict[str, Tensor]:
    """Return what `save_adapter` writes of a model, by the names in its file.

    Of a whole model, weights that are tied stand under each of their names.
    """
    from peft import get_peft_model_state_dict

    if not is_adapted(model):
        return model.state_dict()
    state: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return state


def weights_file(folder: Path) -> Path:
    """Return the file of learned weights in a folder."""
    return folder / (ADAPTER if (folder / ADAPTER).exists() else MODEL)


def _projection(model: "nn.Module") -> Any:  # noqa: ANN401 - PEFT's
    """Return the network that makes a prefix, where there is one."""
    encoders: Any = getattr(model, "prompt_encoder", None)
    encoder = encoders[model.active_adapter] if encoders else None
    return encoder if getattr(encoder, "prefix_projection", False) else None
