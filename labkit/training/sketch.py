"""A model as its files describe it: the names and shapes of its layers; no torch."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from .encoders import is_encoder

Shapes = Mapping[str, tuple[int, ...]]
"""Full name of each weight → its shape, as the model's files have it."""

TRANSPOSED = ("gpt2", "openai-gpt")
"""Kinds of models whose linear weights are `(in, out)`."""


@dataclass(frozen=True)
class Sketch:
    """A model as its files describe it."""

    config: Mapping[str, Any]
    """The language model's configuration."""

    shapes: Shapes

    @property
    def output(self) -> str:
        """Full name of the layer that makes the logits."""
        names = [name.removesuffix(".weight") for name in self.shapes]
        ends = ("lm_head", "embed_out")
        return next((name for name in names if name.rpartition(".")[2] in ends), "lm_head")

    @property
    def layers(self) -> list[str]:
        """Full names of the layers that hold weights."""
        return [*dict.fromkeys([*(n.rpartition(".")[0] for n in self.shapes), self.output])]

    @property
    def blocks(self) -> int:
        """Blocks of the model, its layers in the usual sense."""
        return int(self.config.get("num_hidden_layers") or self.config.get("n_layer") or 0)

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """Full name of each linear layer → its inputs and outputs."""
        matrices = {name: shape for name, shape in self.shapes.items() if _is_linear(name, shape)}
        found = {n.removesuffix(".weight"): (s[1], s[0]) for n, s in matrices.items()}
        output = self.output
        found.setdefault(output, self._embedding[::-1])
        if self.config.get("model_type") in TRANSPOSED:
            return {n: s if n == output else (s[1], s[0]) for n, s in found.items()}
        return found

    def layer(self, name: str) -> int:
        """Return the weights of one layer, the bias included."""
        parts = [prod(s) for n, s in self.shapes.items() if n.rpartition(".")[0] == name]
        return sum(parts) or prod(self._embedding)  # tied, so the files have it once

    @property
    def total(self) -> int:
        """All weights; a tied embedding counts once."""
        return sum(map(prod, self.shapes.values()))

    @property
    def hidden(self) -> int:
        """Width of the hidden states."""
        return self._embedding[1]

    @property
    def _embedding(self) -> tuple[int, int]:
        found = [s for n, s in self.shapes.items() if _is_embedding(n) and len(s) == 2]
        return max(((s[0], s[1]) for s in found), default=(0, 0))


def sketch(folder: Path) -> Sketch | None:
    """Return the sketch of a model in a folder; None where its files do not say all of it.

    So it is of mixtures of experts, whose layers are put together when they are loaded, of weights
    that are stored quantised, of models with parts beside the language model, and of encoders.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    strange = ("quantization_config", "vision_config", "audio_config", "per_layer_config")
    if any(name in config for name in strange) or any("experts" in name for name in config):
        return None
    if is_encoder(folder):
        return None
    found: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= _header(file, file.stat().st_mtime_ns)
    if config.get("tie_word_embeddings"):
        found = {n: s for n, s in found.items() if n.rpartition(".")[0] not in ("lm_head",)}
    return Sketch(config, found) if found else None


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    return name.endswith(".weight") and len(shape) == 2 and not _is_embedding(name)


def _is_embedding(name: str) -> bool:
    layer = name.removesuffix(".weight").rpartition(".")[2]
    return layer in ("wte", "wpe") or ("embed" in layer and layer != "embed_out")


@lru_cache(maxsize=32)
def _header(file: Path, _changed: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes in a safetensors file; its first bytes say them."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        entries = json.loads(stream.read(length))
    return {
        name: tuple(entry["shape"])
        for name, entry in entries.items()
        if name != "__metadata__" and not name.endswith(("inv_freq", "masked_bias"))
    }
