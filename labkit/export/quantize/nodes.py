"""fp32 ONNX to int8 or int4 weights, one weight at a time."""

import re
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ..bottleneck import ADAPTER
from ..graph import Weights, Writer, copy_rest, load_graph, rewrite
from .learned import Learned
from .packed import ACCURACY_LEVEL, BLOCK_SIZE, Packed
from .rounding import round_weight


def quantize_onnx(folder: Path, out: Path, precision: str, learned: Path | None = None) -> None:
    """Write `folder`, an fp32 model, to `out` with quantised weights.

    Args:
        folder: fp32 model of `export_onnx`.
        out: New folder.
        precision: "int8", or "int4": 4 bits, but 8 for the head and the most sensitive layers.
        learned: Grids that `calibrate` found for int4; without them weights are rounded as they
            are.
    """
    out.mkdir(parents=True)
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    nodes = [n for n in model.graph.node if _is_projection(n) and n.input[1] in weights]
    if not nodes:
        hint = "Export it again with precision fp32, then quantise that."
        raise ExportError(f"{folder} has no fp32 weight to quantise.", hint)
    bits = _bits_of_nodes({n.name: weights.read(n.input[1]).shape[0] for n in nodes}, precision)
    known = Learned(learned) if learned else None
    with rewrite(model, out) as writer:
        for node in nodes:
            weight = weights.read(node.input[1])
            found = known.packed(node.name) if known else None
            found = found or round_weight(weight, bits[node.name], precision)
            _replace(node, weight.shape, found, writer)
        _keep_used(model.graph, weights, writer)
    copy_rest(folder, out)


def _is_projection(node: Any) -> bool:  # noqa: ANN401 - protobuf
    """Whether a node is one of the model's large products; adapters keep their few weights."""
    return node.op_type == "MatMul" and ADAPTER not in node.name


def _bits_of_nodes(inputs: dict[str, int], precision: str) -> dict[str, int]:
    """Return the bits of each product, given how many inputs each has."""
    if precision == "int8":
        return dict.fromkeys(inputs, 8)
    n_layers = 1 + max(map(_layer, inputs))
    # the 4-bit quantiser packs zero points in pairs and fails on an odd number of blocks
    odd = {name for name, size in inputs.items() if -(-size // BLOCK_SIZE) % 2}
    return {name: 8 if name in odd or _is_sensitive(name, n_layers) else 4 for name in inputs}


def _is_sensitive(name: str, n_layers: int) -> bool:
    """Whether a projection keeps 8 bits in int4: the head, and llama.cpp's choice of layers.

    Those are the value and down projections of the first and last eighth and of every third
    layer between.
    """
    if _layer(name) < 0:
        return True
    if not re.search(r"/(qkv_proj|v_proj|down_proj)/", name):
        return False
    layer, eighth = _layer(name), n_layers / 8
    return layer < eighth or layer >= 7 * eighth or (layer - round(eighth)) % 3 == 2


def _layer(name: str) -> int:
    """Return the number in `/model/layers.7/…`, or -1 for the head."""
    found = re.search(r"/layers\.(\d+)/", name)
    return int(found.group(1)) if found else -1


def _replace(node: Any, shape: tuple[int, ...], packed: Packed, writer: Writer) -> None:  # noqa: ANN401
    """Turn a MatMul node into MatMulNBits, in place, and write its tensors."""
    from onnx import helper

    weight, inputs, outputs = node.input[1], *shape
    suffixes = [f"_Q{packed.bits}", "_scales", "_zero_points"][: len(packed.tensors)]
    for suffix, parts in zip(suffixes, packed.tensors, strict=True):
        writer.add(weight + suffix, *parts)
    node.CopyFrom(
        helper.make_node(
            "MatMulNBits",
            [node.input[0], *(weight + suffix for suffix in suffixes)],
            list(node.output),
            name=f"{node.name}_Q{packed.bits}",
            domain="com.microsoft",
            K=inputs,
            N=outputs,
            bits=packed.bits,
            block_size=packed.block_size,
            accuracy_level=ACCURACY_LEVEL,
        )
    )


def _keep_used(graph: Any, weights: Weights, writer: Writer) -> None:  # noqa: ANN401 - protobuf
    """Copy the tensors that some node still reads."""
    written = {tensor.name for tensor in writer.tensors}
    used = dict.fromkeys(name for node in graph.node for name in node.input)
    for name in used:
        if name in weights and name not in written:
            writer.add(name, weights.read(name))
