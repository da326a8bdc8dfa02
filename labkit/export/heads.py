"""A classification head beside its body: what is exported is a language model and a matrix.

A model whose output layer has one output a label cannot be loaded as a language model, so its body
is kept with the embedding as output layer, which costs nothing, and the head lies beside it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..files import write_json
from ..runtime.folder import graph_facts, write_section
from .graph import Weights, load_graph, rewrite

WEIGHT, LABELS = "head.npy", "labels.json"
HIDDEN, LOGITS = "hidden_states", "logits"
NODE = "/lm_head/MatMul"
FACTS = ("vocab_size", "context_length", "decoder", "modules", "hidden_states")

Array = npt.NDArray[np.float32]


def split_head(model: Any, labels: Sequence[str], folder: Path) -> None:  # noqa: ANN401 - a module
    """Keep a model's head in a folder and leave a language model, its embedding as output layer.

    Args:
        model: A model with a classification head and no adapter, changed in place.
        labels: What the head's outputs are, in their order.
        folder: Gets `head.npy`, `(labels, hidden)`, and `labels.json`.
    """
    keep_head(model, labels, folder)
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    head.weight, head.out_features = embedding.weight, len(embedding.weight)
    for part in (model.config, model.config.get_text_config()):
        part.tie_word_embeddings = True


def keep_head(model: Any, labels: Sequence[str], folder: Path) -> None:  # noqa: ANN401 - a module
    """Keep a model's head in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weight = model.get_output_embeddings().weight.detach().float().cpu().numpy()
    np.save(folder / WEIGHT, weight)
    write_json(folder / LABELS, list(labels))


def read_head(folder: Path) -> tuple[Array, list[str]]:
    """Return the weight `(labels, hidden)` and the labels of a folder's head."""
    labels: list[str] = json.loads((folder / LABELS).read_text(encoding="utf-8"))
    kept = folder / WEIGHT
    return np.load(kept) if kept.is_file() else _of_adapter(folder), labels


def holds_head(folder: Path) -> bool:
    """Whether a classification head lies in a folder: of `split_head`, or of an adapter."""
    return (folder / LABELS).is_file()


def _of_adapter(folder: Path) -> Array:
    """Return the one weight in PEFT's file that is a layer's own, not an adapter's."""
    from safetensors import safe_open

    with safe_open(folder / "adapter_model.safetensors", "numpy") as file:
        (name,) = (key for key in file.keys() if ".lora_" not in key)  # noqa: SIM118 - no dict
        weight: Array = file.get_tensor(name)
    return weight


def attach_head(folder: Path, head: Path, scale: float = 1.0) -> None:
    """Put a head on a graph that ends in hidden states: `logits` `(batch, n, labels)`.

    Args:
        folder: fp32 model of the builder, exported without its output layer; changed in place.
        head: Folder of the head.
        scale: Factor of the architecture's logits.
    """
    from onnx import TensorProto, helper

    weight, labels = read_head(head)
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    name = f"{NODE.strip('/').replace('/', '.')}.weight"
    model.graph.node.append(helper.make_node("MatMul", [HIDDEN, name], [LOGITS], name=NODE))
    axes = ("batch_size", "sequence_length", len(labels))
    model.graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, axes))
    with rewrite(model, folder) as writer:
        for known in weights.names:
            writer.add(known, weights.read(known))
        writer.add(name, np.ascontiguousarray(weight.T) * np.float32(scale))
    say_classifier(folder, graph_facts(folder), labels)
    (folder / "genai_config.json").unlink(missing_ok=True)  # it would write text with it


def say_classifier(folder: Path, facts: dict[str, Any], labels: Sequence[str]) -> None:
    """Say in labkit.json that a folder's graph gives logits of labels."""
    kept = {key: facts[key] for key in FACTS if key in facts}
    write_section(folder, "model", {**kept, "kind": "classifier", "labels": list(labels)})
