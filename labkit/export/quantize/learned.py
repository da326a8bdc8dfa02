"""Grids that calibration found, as the nodes of an ONNX graph take them."""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .packed import Packed, packed

NODE = re.compile(r"/model/layers\.(\d+)/(attn|mlp)/(\w+)/MatMul")
HEAD = re.compile(r"/lm_head/MatMul")
FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
"""Products that the builder computes as one, and the modules they are in PyTorch."""


class Learned:
    """The grids in a file that `calibrate` wrote, by the names of the modules they stand for.

    Args:
        file: Safetensors: `<module>.values`, `.scales`, `.zeros`; metadata: the bits, the inputs.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def packed(self, node: str) -> Packed | None:
        """Return the grid of a product of the graph; None where none was learned."""
        names = self._modules(node)
        if not names:
            return None
        parts = [[self._read(f"{name}.{part}") for name in names] for part in PARTS]
        return packed(self._bits[names[0]], *(np.concatenate(tensors) for tensors in parts))

    def _modules(self, node: str) -> tuple[str, ...]:
        """Return the modules that a node computes, those of a fused product in their order."""
        if HEAD.match(node):
            names: tuple[str, ...] = ("lm_head",)
        elif found := NODE.match(node):
            layer, part, name = found.groups()
            room = f"model.layers.{layer}.{'self_attn' if part == 'attn' else 'mlp'}"
            whole = (f"{room}.{name}",)
            names = (
                whole
                if whole[0] in self._bits
                else tuple(f"{room}.{each}" for each in FUSED.get(name, ()))
            )
        else:
            names = ()
        return names if all(name in self._bits for name in names) else ()

    @cached_property
    def _bits(self) -> dict[str, int]:
        return {name: int(fact.split()[0]) for name, fact in self._tensors.metadata().items()}

    @cached_property
    def _tensors(self) -> Any:  # noqa: ANN401 - safetensors is not typed
        from safetensors import safe_open

        return safe_open(self._file, "np")

    def _read(self, name: str) -> Any:  # noqa: ANN401 - an array
        return self._tensors.get_tensor(name)


PARTS = ("values", "scales", "zeros")
"""Tensors of a grid."""
