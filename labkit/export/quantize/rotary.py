"""Compute the angles of rotary embeddings when a model is loaded, not store them for each position.

A small model's tables of sines and cosines are 2 % of its int4 file. ONNX Runtime folds what
depends on constants alone when it loads a graph, so nothing is slower afterwards.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Weights, load_graph, rewrite, set_nodes

Table = npt.NDArray[np.float32]

ATOL = 1e-6
"""Most that a computed sine or cosine may be off the stored one."""


def compute_rotary(folder: Path) -> int:
    """Replace each pair of tables that a frequency for each column explains, in place.

    Returns:
        How many pairs were replaced; tables that are scaled or stretched stay as they are.
    """
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    found = {name: f for name in weights.names if (f := _frequencies(weights, name)) is not None}
    if not found:
        return 0
    gone = {*found, *map(_sines, found)}
    nodes = [node for name in found for node in _nodes(name, len(weights.read(name)))]
    set_nodes(model.graph, [*nodes, *model.graph.node])
    with rewrite(model, folder) as writer:
        for name in weights.names:
            if name not in gone:
                writer.add(name, weights.read(name))
        for name, frequencies in found.items():
            writer.add(f"{name}.frequencies", frequencies[None])
    return len(found)


def _sines(cosines: str) -> str:
    return cosines.replace("cos", "sin")


def _frequencies(weights: Weights, name: str) -> Table | None:
    """Return the radians that each column turns by from one position to the next, `(columns,)`."""
    if not name.startswith("cos_cache") or _sines(name) not in weights:
        return None
    cos, sin = (np.array(weights.read(table)) for table in (name, _sines(name)))
    if cos.ndim != 2 or len(cos) < 2 or cos.dtype != np.float32:
        return None
    found = turns(cos, sin).astype(np.float32)
    angles = np.arange(len(cos), dtype=np.float32)[:, None] * found
    off = max(np.abs(np.cos(angles) - cos).max(), np.abs(np.sin(angles) - sin).max())
    return found if off <= ATOL else None


def turns(cos: Table, sin: Table) -> npt.NDArray[np.float64]:
    """Return each column's radians a position, the more exact the more positions there are.

    The angle at position 1 says it roughly; at position 2, 4, 8, … it says how many whole turns
    there were, and the rest of the angle gives one more bit.
    """
    found: npt.NDArray[np.float64] = np.arctan2(sin[1], cos[1], dtype=np.float64)
    position = 2
    while position < len(cos):
        angle = np.arctan2(sin[position], cos[position], dtype=np.float64)
        whole = np.round((position * found - angle) / (2 * np.pi))
        found = (angle + 2 * np.pi * whole) / position
        position *= 2
    return found


def _nodes(name: str, n_positions: int) -> list[Any]:
    """Return nodes whose results have the names of the tables."""
    from onnx import TensorProto, helper

    def part(what: str) -> str:
        return f"{name}.{what}"

    def constant(what: str, value: Any, dims: tuple[int, ...] = ()) -> Any:  # noqa: ANN401
        kind = TensorProto.INT64 if dims else TensorProto.FLOAT
        tensor = helper.make_tensor(part(what), kind, dims, [value])
        return helper.make_node("Constant", [], [part(what)], value=tensor)

    return [
        constant("start", 0.0),
        constant("end", float(n_positions)),
        constant("step", 1.0),
        constant("axis", 1, (1,)),
        helper.make_node("Range", list(map(part, ("start", "end", "step"))), [part("positions")]),
        helper.make_node("Unsqueeze", [part("positions"), part("axis")], [part("column")]),
        helper.make_node("Mul", [part("column"), part("frequencies")], [part("angles")]),
        helper.make_node("Cos", [part("angles")], [name]),
        helper.make_node("Sin", [part("angles")], [_sines(name)]),
    ]
