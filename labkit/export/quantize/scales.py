"""Keep the scales of blocks in float16: half the bytes, the same graph once it is loaded.

A block of 32 weights has one scale, in fp32 an eighth of an int8 file and a quarter of what an int4
weight takes beside its values. ONNX Runtime turns a cast of a constant into a constant when it
loads a graph, so the products find their scales in fp32 as before.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Weights, load_graph, rewrite, set_nodes

RTOL = 2**-10
"""Most that a scale may be off by; float16 has 11 bits unless a number is very small."""

HALF = "_f16"


def halve_scales(folder: Path) -> int:
    """Store the scales of a quantised model in float16, in place.

    Returns:
        How many tensors were halved; those too small for float16 stay in float32.
    """
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    names = [name for name in _scales(model.graph) if name in weights]
    halved = {name: half for name in names if (half := in_half(weights.read(name))) is not None}
    if not halved:
        return 0
    set_nodes(model.graph, [*map(_cast, halved), *model.graph.node])
    with rewrite(model, folder) as writer:
        for name in weights.names:
            if name in halved:
                writer.add(name + HALF, halved[name])
            else:
                writer.add(name, weights.read(name))
    return len(halved)


def in_half(scales: npt.NDArray[np.float32]) -> npt.NDArray[np.float16] | None:
    """Return scales in float16, or None where one of them would be off by more than `RTOL`."""
    if scales.dtype != np.float32:
        return None
    with np.errstate(over="ignore"):
        half = scales.astype(np.float16)
    is_near = np.abs(half.astype(np.float32) - scales) <= RTOL * np.abs(scales)
    return half if is_near.all() else None


def _scales(graph: Any) -> list[str]:  # noqa: ANN401 - protobuf
    """Return the inputs that are scales of a quantised product or embedding, each once."""
    nodes = (node for node in graph.node if node.op_type in ("MatMulNBits", "GatherBlockQuantized"))
    return list(dict.fromkeys(node.input[2] for node in nodes))


def _cast(name: str) -> Any:  # noqa: ANN401 - protobuf
    from onnx import TensorProto, helper

    to = TensorProto.FLOAT
    return helper.make_node("Cast", [name + HALF], [name], name=f"{name}/Cast", to=to)
