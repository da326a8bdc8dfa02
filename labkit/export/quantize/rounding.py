"""Round a weight without data: ONNX Runtime's own arithmetic, one slice at a time.

The model builder can quantise too, but holds the model several times over while it does. Here the
quantiser sees a slice of one weight, which is enough because every block is quantised on its own.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from .packed import ACCURACY_LEVEL, BLOCK_SIZE, Array, Packed

SLICE_VALUES = 4_000_000
"""Values quantised in one go."""


def round_weight(weight: Array, bits: int, precision: str) -> Packed:
    """Return a weight `(inputs, outputs)` in 8 or 4 bits: symmetric in int8, k-quant in int4."""
    width = max(1, SLICE_VALUES // weight.shape[0])
    starts = range(0, weight.shape[1], width)
    slices = [_pack_slice(np.array(weight[:, s : s + width]), bits, precision) for s in starts]
    return Packed(bits, BLOCK_SIZE, tuple(zip(*slices, strict=True)))


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
