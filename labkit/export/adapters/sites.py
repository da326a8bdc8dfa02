"""Where an exported graph takes an adapter: each product of a layer gains `(x A) B`.

`A` and `B` are inputs of the graph whose defaults have rank 0, so that the graph with no adapter
is the base model, and each adapter has a rank of its own (Hu et al., 2021, arXiv:2106.09685).
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ExportError
from ...runtime.folder import graph_facts
from ..graph import GRAPH, load_graph, set_nodes
from ..traced.names import LAYER

PRODUCTS = ("MatMul", "MatMulNBits")
NODE = re.compile(r"(.+)/MatMul(?:_Q\d+)?")
STEM = re.compile(r"/model/(layers\.\d+)/\w+/(\w+)")
"""How the model builder calls a product of a layer."""

LORA = "/lora/"
"""Part of the names of the nodes of adapters."""

INPUT = re.compile(r"(.+)\.lora_([AB])")


@dataclass(frozen=True)
class Site:
    """One product `x W` of the graph."""

    name: str
    """Layer and module, as `layers.3.qkv_proj`; of a traced graph the name of its module."""

    inputs: int
    """Values of `x`."""

    outputs: int
    """Values of `x W`."""

    @property
    def layer(self) -> int:
        """Number of the layer, the first being 0."""
        found = LAYER.search(self.name)
        assert found is not None
        return int(found[1])

    @property
    def module(self) -> str:
        """Name of the module in its layer."""
        return self.name.rpartition(".")[2]


def add_inputs(folder: Path) -> list[Site]:
    """Give each product of an exported model's layers the inputs of an adapter, in place.

    The data file is not touched. Embedding and head take no adapter.

    Args:
        folder: Model of `export_onnx`, fp32 or with weights in whole blocks of bits.

    Raises:
        ExportError: No layer of the graph has a product that can be told by its name.
    """
    model = load_graph(folder)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    modules = graph_facts(folder).get("modules", {})
    names = {stem: module for module, stem in modules.items() if LAYER.search(module)}
    nodes, sites = [], []
    for node in model.graph.node:
        site = _site(node, shapes, names)
        nodes.append(node)
        if site:
            nodes += _adapted(model.graph, node, site)
            sites.append(site)
    if not sites:
        hint = "Merge each adapter instead: %optimize RUN."
        raise ExportError(f"The ONNX graph in {folder} has no layer for an adapter.", hint)
    set_nodes(model.graph, nodes)
    _save(model, folder)
    return sites


def without_inputs(folder: Path, out: Path) -> None:
    """Copy a model that `add_inputs` changed to `out` as it was before."""
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns("adapters"))
    model = load_graph(folder)
    nodes = [node for node in model.graph.node if LORA not in node.name]
    said = {n.input[0]: n.output[0] for n in model.graph.node if n.name.endswith(f"{LORA}Add")}
    for node in nodes:
        for number, name in enumerate(node.output):
            node.output[number] = said.get(name, name)
    for values in (model.graph.input, model.graph.initializer):
        kept = [value for value in values if not INPUT.fullmatch(value.name)]
        del values[:]
        values.extend(kept)
    set_nodes(model.graph, nodes)
    _save(model, out)


def read_sites(folder: Path) -> list[Site]:
    """Return the sites of a graph that `add_inputs` changed."""
    sizes: dict[str, dict[str, Any]] = {}
    for value in load_graph(folder).graph.input:
        found = INPUT.fullmatch(value.name)
        if found:
            dims = value.type.tensor_type.shape.dim
            sizes.setdefault(found[1], {})[found[2]] = dims
    return [Site(name, of["A"][0].dim_value, of["B"][1].dim_value) for name, of in sizes.items()]


def _site(
    node: Any,  # noqa: ANN401 - protobuf
    shapes: Mapping[str, tuple[int, ...]],
    names: Mapping[str, str],
) -> Site | None:
    """Return the site that a node is, if it is one.

    Args:
        node: Of the graph.
        shapes: Of the stored tensors.
        names: Modules by what the graph calls their products; empty for the builder's graphs.
    """
    found = NODE.fullmatch(node.name)
    if found is None or node.op_type not in PRODUCTS:
        return None
    name = names.get(found[1]) if names else _built_name(found[1])
    if name is None:
        return None
    if node.op_type == "MatMul":
        inputs, outputs = shapes[node.input[1]]
    else:
        sizes = {attribute.name: attribute.i for attribute in node.attribute}
        inputs, outputs = sizes["K"], sizes["N"]
    return Site(name, inputs, outputs)


def _built_name(stem: str) -> str | None:
    found = STEM.fullmatch(stem)
    return f"{found[1]}.{found[2]}" if found else None


def _adapted(graph: Any, node: Any, site: Site) -> list[Any]:  # noqa: ANN401 - protobuf
    """Let three nodes say `x W + (x A) B` in the place of `node`; return them."""
    from onnx import TensorProto, helper, numpy_helper

    said, rank = node.output[0], f"{site.name}.r"
    plain, narrow, wide = (f"{site.name}.lora_{part}" for part in ("base", "narrow", "wide"))
    first, second = f"{site.name}.lora_A", f"{site.name}.lora_B"
    for name, default, dims in (
        (first, (site.inputs, 0), (site.inputs, rank)),
        (second, (0, site.outputs), (rank, site.outputs)),
    ):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
        graph.initializer.append(numpy_helper.from_array(np.zeros(default, np.float32), name))
    node.output[0] = plain
    return [
        helper.make_node("MatMul", [node.input[0], first], [narrow], name=f"{node.name}{LORA}A"),
        helper.make_node("MatMul", [narrow, second], [wide], name=f"{node.name}{LORA}B"),
        helper.make_node("Add", [plain, wide], [said], name=f"{node.name}{LORA}Add"),
    ]


def _save(model: Any, folder: Path) -> None:  # noqa: ANN401 - onnx.ModelProto
    """Replace the graph of a folder; its tensors stay where they are."""
    import onnx

    part = folder / f"{GRAPH}.part"
    onnx.save(model, part)
    part.replace(folder / GRAPH)
