"""Give a traced graph the names that the builder's graphs have; no weight is touched."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..graph import GRAPH, load_graph, node_named, set_nodes
from ..heads import HIDDEN
from ..quantize.tie import GATHER
from .names import HEAD

CACHE = re.compile(r"(input|output)\.past_key_values\.layers\.(\d+)\.(key|value)s")
SIDES = {"input": "past_key_values", "output": "present"}

AXES = {
    "input_ids": ("batch_size", "sequence_length"),
    "attention_mask": ("batch_size", "total_sequence_length"),
    "position_ids": ("batch_size", "sequence_length"),
    "logits": ("batch_size", "sequence_length"),
    "hidden_states": ("batch_size", "sequence_length"),
    "past_key_values": ("batch_size", None, "past_sequence_length"),
    "present": ("batch_size", None, "total_sequence_length"),
}
"""How the free axes of inputs and outputs are called; None for one with a size."""


def tidy(folder: Path, modules: Mapping[str, str]) -> None:
    """Rename inputs, outputs, products and embedding of a folder's graph, in place.

    Args:
        folder: What the exporter wrote.
        modules: How to call each product, by the module it is of.
    """
    import onnx

    model = load_graph(folder)
    graph = model.graph
    _plain_products(graph, modules)
    _name_products(graph, modules)
    _name_embedding(graph)
    _give_hidden_states(graph)
    _rename_values(graph, {old: new for old, new in _cache_names(graph)})
    for value in [*graph.input, *graph.output]:
        _name_axes(value)
    del graph.value_info[:]  # their axes have other names
    part = folder / f"{GRAPH}.part"
    onnx.save(model, part)
    part.replace(folder / GRAPH)


def _plain_products(graph: Any, modules: Mapping[str, str]) -> None:  # noqa: ANN401 - protobuf
    """Turn each Gemm that the exporter made of a module's product and its sum into those two."""
    from onnx import helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Gemm" or node.input[1].removesuffix(".weight") not in modules:
            nodes.append(node)
            continue
        x, weight, *bias = node.input
        said = f"{node.output[0]}/product" if bias else node.output[0]
        nodes.append(helper.make_node("MatMul", [x, weight], [said], name=node.name))
        if bias:
            nodes.append(helper.make_node("Add", [said, *bias], node.output, name=f"{node.name}/b"))
    set_nodes(graph, nodes)


def _name_products(graph: Any, modules: Mapping[str, str]) -> None:  # noqa: ANN401 - protobuf
    """Call the product of each module, and the sum with its bias, as `modules` says."""
    stems = {f"{module}.weight": stem for module, stem in modules.items()}
    sums: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in stems:
            stem = stems[node.input[1]]
            node.name, sums[node.output[0]] = f"{stem}/MatMul", stem
        elif node.op_type == "Add" and (found := [i for i in node.input if i in sums]):
            other = next((i for i in node.input if i not in sums), "")
            if other.removesuffix(".bias") in modules:
                node.name = f"{sums[found[0]]}/Add"


def _name_embedding(graph: Any) -> None:  # noqa: ANN401 - protobuf
    """Call the first look-up by token ids as the builder calls it."""
    ids = {"input_ids"}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[0] in ids:
            ids.add(node.output[0])
        if node.op_type == "Gather" and node.input[1] in ids:
            node.name = GATHER
            return


def _give_hidden_states(graph: Any) -> None:  # noqa: ANN401 - protobuf
    """Give what the head reads as an output too, `(batch, n, hidden)`."""
    from onnx import TensorProto, helper

    head = node_named(graph, f"{HEAD}/MatMul")
    sizes = {tensor.name: tensor.dims for tensor in graph.initializer}
    shape = (None, None, sizes[head.input[1]][0])
    graph.node.append(helper.make_node("Identity", [head.input[0]], [HIDDEN], name=f"/{HIDDEN}"))
    graph.output.append(helper.make_tensor_value_info(HIDDEN, TensorProto.FLOAT, shape))


def _cache_names(graph: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - protobuf
    for value in [*graph.input, *graph.output]:
        found = CACHE.fullmatch(value.name)
        if found:
            yield value.name, f"{SIDES[found[1]]}.{found[2]}.{found[3]}"


def _rename_values(graph: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401 - protobuf
    for value in [*graph.input, *graph.output]:
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _name_axes(value: Any) -> None:  # noqa: ANN401 - protobuf
    names = AXES[value.name.partition(".")[0]]
    for axis, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
        if name:
            axis.dim_param = name
