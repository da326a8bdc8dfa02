"""fp32 ONNX to int8 or int4 weights, one weight at a time.

The model builder can quantise too, but holds the model several times over while it does. The
arithmetic is ONNX Runtime's `MatMulNBitsQuantizer` either way; here it sees a slice of one
weight, which is enough because every block of 32 values is quantised on its own.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ExportError
from .bottleneck import ADAPTER
from .graph import Weights, Writer, copy_rest, load_graph, rewrite

BLOCK_SIZE = 32
"""Values along the input axis that share one scale."""

ACCURACY_LEVEL = 4
"""Multiply in int8. Level 1 (fp32) is nearer (KL 0.002 for 0.007) and 30 times slower."""

SLICE_VALUES = 4_000_000
"""Values quantised in one go."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Packed:
    """One quantised weight: what a MatMulNBits node takes after its first input."""

    bits: int
    tensors: tuple[tuple[Array, ...], ...]
    """Values, scales and, where used, zero points; each in slices along the output axis."""


def quantize_onnx(folder: Path, out: Path, precision: str) -> None:
    """Write `folder`, an fp32 model, to `out` with quantised weights.

    Args:
        folder: fp32 model of `export_onnx`.
        out: New folder.
        precision: "int8", or "int4": 4 bits, but 8 for the head and the most sensitive layers.
    """
    out.mkdir(parents=True)
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    nodes = [n for n in model.graph.node if _is_projection(n) and n.input[1] in weights]
    if not nodes:
        hint = "Export it again with precision fp32, then quantise that."
        raise ExportError(f"{folder} has no fp32 weight to quantise.", hint)
    bits = _bits_of_nodes({n.name: weights.read(n.input[1]).shape[0] for n in nodes}, precision)
    with rewrite(model, out) as writer:
        for node in nodes:
            weight = weights.read(node.input[1])
            _replace(node, weight.shape, _pack(weight, bits[node.name], precision), writer)
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


def _pack(weight: Array, bits: int, precision: str) -> Packed:
    """Quantise `(inputs, outputs)`."""
    width = max(1, SLICE_VALUES // weight.shape[0])
    starts = range(0, weight.shape[1], width)
    slices = [_pack_slice(np.array(weight[:, s : s + width]), bits, precision) for s in starts]
    return Packed(bits, tuple(zip(*slices, strict=True)))


def _pack_slice(weight: Array, bits: int, precision: str) -> tuple[Array, ...]:
    """Return values `(outputs, blocks, bytes)`, scales and zero points of one slice."""
    from onnx import numpy_helper
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    symmetric = precision == "int8"
    with _quiet():
        quantizer = MatMulNBitsQuantizer(
            _one_product(weight),
            bits=bits,
            block_size=BLOCK_SIZE,
            is_symmetric=symmetric,
            accuracy_level=ACCURACY_LEVEL,
            algo_config=None if symmetric else _k_quant(bits),
        )
        quantizer.process()
    graph = quantizer.model.model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    (node,) = graph.node
    arrays = [numpy_helper.to_array(tensors[name]) for name in node.input[1:] if name]
    return tuple(array.reshape(weight.shape[1], *_tail(array, weight.shape[1])) for array in arrays)


def _tail(array: Array, outputs: int) -> tuple[int, ...]:
    """Return the shape after the output axis; some quantisers flatten it away."""
    return array.shape[1:] if array.shape[0] == outputs else (array.size // outputs,)


def _k_quant(bits: int) -> Any:  # noqa: ANN401 - onnxruntime is not typed
    from onnxruntime.quantization.matmul_nbits_quantizer import KQuantWeightOnlyQuantConfig

    return KQuantWeightOnlyQuantConfig(customized_weight_config={"product": {"bits": bits}})


def _one_product(weight: Array) -> Any:  # noqa: ANN401 - onnx.ModelProto
    """Return a model of one node, `x @ weight`."""
    from onnx import TensorProto, helper, numpy_helper

    rows, columns = weight.shape
    node = helper.make_node("MatMul", ["x", "weight"], ["y"], name="product")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, rows])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, columns])
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(weight, "weight")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


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
            block_size=BLOCK_SIZE,
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser, which logs, prints and divides by zero."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(StringIO()), np.errstate(all="ignore"):
            yield
    finally:
        logging.disable(level)
