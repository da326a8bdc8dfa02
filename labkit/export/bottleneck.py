"""Put bottleneck adapters into an exported graph: y + up(gelu(down(y))) after a layer's product.

A bottleneck (Houlsby et al., 2019, arXiv:1902.00751) bends between its two products, so no single
weight can hold layer and adapter; the base is exported and the adapter's own nodes follow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ExportError
from ..runtime.folder import graph_facts
from .graph import Weights, Writer, load_graph, node_named, rewrite
from .heads import holds_head

ADAPTER = "/adapter/"
"""Part of the names of the nodes that stand here."""

ALIASES = {
    "dense": "o_proj",
    "out_proj": "o_proj",
    "wo": "o_proj",
    "dense_4h_to_h": "down_proj",
    "w1": "gate_proj",
    "w2": "down_proj",
    "w3": "up_proj",
}
"""Layers to which the model builder gives another name than their model does."""

FUSED = ("q_proj", "k_proj", "v_proj")
"""Layers whose products the builder writes as one, in this order."""

KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.(weight|bias)")

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bottleneck:
    """The weights of one adapter, behind a layer of width `d`."""

    down: Array
    """`(r, d)`"""

    down_bias: Array
    """`(r,)`"""

    up: Array
    """`(d, r)`"""

    up_bias: Array
    """`(d,)`"""

    @property
    def width(self) -> int:
        """Outputs of the layer before it."""
        return len(self.up)


def insert_bottlenecks(folder: Path, adapter: Path) -> int:
    """Put the bottleneck adapters of a run into an fp32 graph, in place; return how many.

    Args:
        folder: fp32 model of `export_onnx`, the adapter's base.
        adapter: PEFT folder of the method `adapter`.

    Raises:
        ExportError: The graph does not have the product of a layer that carries an adapter.
    """
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    found = read_bottlenecks(adapter)
    known = graph_facts(folder).get("modules", {})
    names = {layer: known.get(layer, "") for layer in found}
    placed = _placed(found, model.graph, attention_widths(folder), names)
    with rewrite(model, folder) as writer:
        for name in weights.names:
            writer.add(name, weights.read(name))
        for stem, bottleneck in placed.items():
            _insert(model.graph, stem, bottleneck, writer)
    return len(found)


def read_bottlenecks(adapter: Path) -> dict[str, Bottleneck]:
    """Return the adapters of a PEFT folder by the layer each follows."""
    from safetensors.numpy import load_file

    tensors: dict[str, dict[str, Array]] = {}
    for key, tensor in load_file(adapter / "adapter_model.safetensors").items():
        match = KEY.fullmatch(key)
        if match is None and ".lora_" not in key and holds_head(adapter):
            continue
        if match is None:
            hint = "Name the adapter/ folder of a run with method adapter."
            raise ExportError(f"{adapter} holds {key}, which is no bottleneck's.", hint)
        layer, side, kind = match.groups()
        tensors.setdefault(layer, {})[side + kind] = tensor
    return {layer: _bottleneck(of, adapter) for layer, of in tensors.items()}


def _bottleneck(of: Mapping[str, Array], adapter: Path) -> Bottleneck:
    if len(of) < 4:  # LoRA's, which has no bias
        hint = "Merge it into its base model instead."
        raise ExportError(f"{adapter} holds no bottleneck adapters.", hint)
    return Bottleneck(of["Aweight"], of["Abias"], of["Bweight"], of["Bbias"])


def _placed(
    found: Mapping[str, Bottleneck],
    graph: Any,  # noqa: ANN401 - protobuf
    widths: Mapping[str, int],
    known: Mapping[str, str],
) -> dict[str, Bottleneck]:
    """Return the adapters by the product that each follows, one for what the graph has fused."""
    names = {node.name for node in graph.node}
    placed: dict[str, dict[str, Bottleneck]] = {}
    for layer, bottleneck in found.items():
        stem, part = (known[layer], "") if known[layer] else _stem(layer, names)
        placed.setdefault(stem, {})[part] = bottleneck
    return {
        stem: parts[""] if "" in parts else _side_by_side(parts, widths)
        for stem, parts in placed.items()
    }


def _stem(layer: str, names: set[str]) -> tuple[str, str]:
    """Return how the graph calls a layer, and which part of a fused one it is, if so."""
    number = re.search(r"layers\.(\d+)\.", layer)
    attention, others = (
        f"/model/layers.{number.group(1) if number else ''}/{room}/" for room in ("attn", "mlp")
    )
    last = layer.rpartition(".")[2]
    name = ALIASES.get(last, last)
    places = [(attention + name, ""), (others + name, ""), (f"/{name}", "")]
    if name in FUSED:
        places.append((f"{attention}qkv_proj", name))
    for stem, part in places:
        if f"{stem}/MatMul" in names:
            return stem, part
    hint = "Train again with target_modules: auto, or use the PyTorch model."
    raise ExportError(f"The ONNX graph has no product of {layer}, which has an adapter.", hint)


def attention_widths(folder: Path) -> dict[str, int]:
    """Return how many outputs the query, key and value products have."""
    decoder = graph_facts(folder)["decoder"]
    heads = (decoder["num_attention_heads"], *2 * (decoder["num_key_value_heads"],))
    return {name: n * decoder["head_size"] for name, n in zip(FUSED, heads, strict=True)}


def _side_by_side(parts: Mapping[str, Bottleneck], widths: Mapping[str, int]) -> Bottleneck:
    """Return one adapter for layers fused into one: block diagonal, so that none sees another."""
    ends = dict(zip(FUSED, np.cumsum([widths[name] for name in FUSED]).tolist(), strict=True))
    rank = sum(len(part.down) for part in parts.values())
    total = ends[FUSED[-1]]
    down, up = np.zeros((rank, total), np.float32), np.zeros((total, rank), np.float32)
    up_bias, row = np.zeros(total, np.float32), 0
    for name, part in parts.items():
        here, ranks = slice(ends[name] - part.width, ends[name]), slice(row, row + len(part.down))
        down[ranks, here], up[here, ranks], up_bias[here] = part.down, part.up, part.up_bias
        row = ranks.stop
    return Bottleneck(down, np.concatenate([p.down_bias for p in parts.values()]), up, up_bias)


def _insert(graph: Any, stem: str, bottleneck: Bottleneck, writer: Writer) -> None:  # noqa: ANN401
    """Let the adapter's nodes take what the layer says, bias included, and say it in its place."""
    last = node_named(graph, f"{stem}/Add") or node_named(graph, f"{stem}/MatMul")
    said, plain = last.output[0], f"{stem}{ADAPTER}input"
    last.output[0] = plain
    at = list(graph.node).index(last) + 1
    for node in reversed(_nodes(stem, plain, said, bottleneck, writer)):
        graph.node.insert(at, node)


def _nodes(stem: str, plain: str, said: str, bottleneck: Bottleneck, writer: Writer) -> list[Any]:
    """Return the nodes of `said = plain + up(gelu(down(plain)))`; GELU with the error function."""
    from onnx import helper

    lead = f"{stem}{ADAPTER}"
    steps = (
        ("down/MatMul", "MatMul", bottleneck.down.T),
        ("down/Add", "Add", bottleneck.down_bias),
        ("Gelu", "Gelu", None),
        ("up/MatMul", "MatMul", bottleneck.up.T),
        ("up/Add", "Add", bottleneck.up_bias),
    )
    nodes, value = [], plain
    for name, kind, weight in steps:
        inputs = [value]
        if weight is not None:
            inputs.append(f"{lead}{name}/weight".strip("/").replace("/", "."))
            writer.add(inputs[1], weight)
        value = f"{lead}{name}/output_0"
        nodes.append(helper.make_node(kind, inputs, [value], name=lead + name))
    return [*nodes, helper.make_node("Add", [plain, value], [said], name=f"{lead}Add")]
