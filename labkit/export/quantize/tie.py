"""Read the embedding from the int8 head when the two are one matrix."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Weights, load_graph, node_named, rewrite, set_nodes

GATHER = "/model/embed_tokens/Gather"
N_SAMPLES = 64
"""Rows of the embedding compared with the head to tell whether they are tied."""


def tie_int8_embedding(folder: Path) -> str | None:
    """Replace the fp32 embedding of an int8 model by its int8 head, in place.

    A tied model has one matrix for both; quantised, the head holds it in 8 bits and a second
    copy in fp32 would be the larger half of a small model.

    Returns:
        None when it was done, else the reason why nothing was changed.
    """
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    head, gather = _head(model.graph), node_named(model.graph, GATHER)
    reason = _reason_not_to(head, gather, model.graph, weights)
    if reason:
        return reason
    _read_rows_from(head, gather, model.graph)
    used = {name for node in model.graph.node for name in node.input}
    with rewrite(model, folder) as writer:
        for tensor in model.graph.initializer:
            if tensor.name in used:
                writer.add(tensor.name, weights.read(tensor.name))
        shape = np.array([_attribute(head, "N"), _attribute(head, "K")], np.int64)
        writer.add("embed_tokens.shape", shape)
    return None


def _head(graph: Any) -> Any:  # noqa: ANN401 - protobuf
    """Return the quantised head, or None."""
    heads = (node for node in graph.node if node.name.startswith("/lm_head/MatMul"))
    return next((node for node in heads if node.op_type == "MatMulNBits"), None)


def _reason_not_to(head: Any, gather: Any, graph: Any, weights: Weights) -> str | None:  # noqa: ANN401
    if gather is None or gather.op_type != "Gather":
        return "the embedding is not an fp32 table"
    if head is None or _attribute(head, "bits") != 8:
        return "the head is not int8"
    if not _is_tied(head, _sample(gather, graph, weights), weights):
        return "the embedding and the head are different matrices"
    return None


def _sample(gather: Any, graph: Any, weights: Weights) -> npt.NDArray[np.float32]:  # noqa: ANN401
    """Return some rows of the embedding, `(samples, hidden)`."""
    source = gather.input[0]
    if source in weights:
        table = weights.read(source)
    else:  # tied fp32 graphs read the embedding from the transposed head
        table = weights.read(next(n for n in graph.node if source in n.output).input[0]).T
    return np.array(table[_sample_rows(len(table))])


def _sample_rows(n_rows: int) -> npt.NDArray[np.int64]:
    return np.linspace(0, n_rows - 1, min(N_SAMPLES, n_rows)).astype(np.int64)


def _is_tied(head: Any, rows: npt.NDArray[np.float32], weights: Weights) -> bool:  # noqa: ANN401
    """Whether the head is `rows` up to its own rounding.

    A value is rounded by half a step, its block's zero point by another half, and one cut off at
    the end of the range by what both left over: 1.5 steps at most.
    """
    values, scales, *zero = (weights.read(name) for name in head.input[1:] if name)
    if len(values) < len(rows) or _attribute(head, "K") != rows.shape[1]:
        return False
    picked = _sample_rows(len(values))
    offset = zero[0].reshape(len(values), -1)[picked, :, None].astype(np.float32) if zero else 128
    scale = scales.reshape(len(values), -1)[picked, :, None]
    found = (values[picked].astype(np.float32) - offset) * scale
    wanted = _in_blocks(rows, values.shape[2])
    return bool((np.abs(found - wanted) <= 1.5 * np.abs(scale) + 1e-12).all())


def _in_blocks(rows: npt.NDArray[np.float32], block: int) -> npt.NDArray[np.float32]:
    padding = -rows.shape[1] % block
    return np.pad(rows, ((0, 0), (0, padding))).reshape(len(rows), -1, block)


def _read_rows_from(head: Any, gather: Any, graph: Any) -> None:  # noqa: ANN401 - protobuf
    """Put `Reshape` and `GatherBlockQuantized` over the head's tensors in place of `gather`."""
    from onnx import helper

    table = "embed_tokens.quantized"
    reshape = helper.make_node(
        "Reshape", [head.input[1], "embed_tokens.shape"], [table], name=f"{GATHER}/Reshape"
    )
    read = helper.make_node(
        "GatherBlockQuantized",
        [table, gather.input[1], *head.input[2:]],
        list(gather.output),
        name=f"{GATHER}BlockQuantized",
        domain="com.microsoft",
        bits=8,
        block_size=_attribute(head, "block_size"),
        gather_axis=0,
        quantize_axis=1,
    )
    dropped = {gather.name, *(n.name for n in graph.node if gather.input[0] in n.output)}
    at = next(i for i, node in enumerate(graph.node) if node.name == gather.name)
    before = [n for n in graph.node[:at] if n.name not in dropped]
    set_nodes(graph, [*before, reshape, read, *graph.node[at + 1 :]])


def _attribute(node: Any, name: str) -> int:  # noqa: ANN401 - protobuf
    return next(int(attribute.i) for attribute in node.attribute if attribute.name == name)
