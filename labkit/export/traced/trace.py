"""Trace a PyTorch model to ONNX: any decoder of Transformers with a cache of keys and values.

Slower than the builder (some ten seconds, and a minute for larger models), and the graph has no
fused attention; it is for architectures that the builder does not know.
"""

import inspect
import logging
import shutil
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...files import write_json
from ...runtime.folder import write_section
from ..architectures import context_length
from ..deploy.genai import FILE
from ..heads import read_head, say_classifier
from ..merge import tokenizer_files
from ..tuned import load_plain
from .genai import genai_config
from .names import stems
from .products import name_of, with_products
from .tidy import tidy

BATCH, N_PAST, N_NEW = 2, 3, 4
"""Sizes of the example that is traced; all are free in the graph."""


def trace(folder: str, out: str, head: str | None = None) -> None:
    """Write a Hugging Face folder as fp32 ONNX, in this process: use a child.

    Args:
        folder: Model and tokenizer, not quantised.
        out: New folder.
        head: Folder of a classification head that takes the output layer's place.

    Raises:
        ExportError: The model keeps more than keys and values, or cannot be traced.
    """
    source, target = Path(folder), Path(out)
    model = load_plain(source)
    if head:
        put_head(model, read_head(Path(head))[0])
    modules = named_products(model)
    example = example_of(model)
    program = _traced(model, example)
    target.mkdir(parents=True)
    program.save_pretrained(target)
    for name in ("config.json", "export.json"):
        (target / name).unlink(missing_ok=True)
    tidy(target, modules)
    facts = facts_of(model, example)
    more = {"modules": modules, "hidden_states": True}
    write_section(target, "model", facts | more)
    if head:
        say_classifier(target, facts | more, read_head(Path(head))[1])
    else:
        config = genai_config(facts, example, model.config.get_text_config().to_dict())
        write_json(target / FILE, config)
    for file in [*tokenizer_files(source), *source.glob("generation_config.json")]:
        shutil.copy2(file, target / file.name)


def put_head(model: Any, weight: Any) -> None:  # noqa: ANN401 - a module, an array
    """Give a model a head `(labels, hidden)` in the place of its output layer."""
    import torch

    from ...training.methods.head import put_head as new_head

    new_head(model, len(weight))
    model.get_output_embeddings().weight.data = torch.from_numpy(weight)


def named_products(model: Any) -> dict[str, str]:  # noqa: ANN401 - a module
    """Turn a model's linear layers into products; return how the graph is to call each."""
    head = name_of(model, model.get_output_embeddings())
    return stems(with_products(model), head)


def example_of(model: Any) -> dict[str, Any]:  # noqa: ANN401 - a module
    """Return the inputs to be traced: new tokens after some that were read before.

    Raises:
        ExportError: The model keeps something else of those than keys and values.
    """
    import torch

    model.config.use_cache = True
    ids = torch.ones(BATCH, N_PAST + N_NEW, dtype=torch.long)
    with torch.inference_mode():
        past = model(input_ids=ids[:, :N_PAST], use_cache=True).past_key_values
    kept = [getattr(layer, "keys", None) for layer in getattr(past, "layers", [])]
    if not kept or any(keys is None or keys.ndim != 4 for keys in kept):
        raise ExportError(
            f"{type(model).__name__} cannot be exported: it keeps more of the tokens it has read "
            "than keys and values.",
            hint="Let PyTorch answer with %generate, or fine-tune a model with plain attention.",
        )
    example = {"input_ids": ids[:, N_PAST:], "attention_mask": torch.ones_like(ids)}
    if "position_ids" in inspect.signature(model.forward).parameters:
        positions = torch.arange(N_PAST, N_PAST + N_NEW).repeat(BATCH, 1)
        example["position_ids"] = positions
    return example | {"past_key_values": _whole(past)}


def _whole(past: Any) -> Any:  # noqa: ANN401 - transformers' cache
    """Return a cache that keeps all tokens in each layer; a window is the mask's to apply."""
    from transformers import DynamicCache

    plain = DynamicCache()
    for number, layer in enumerate(past.layers):
        plain.update(layer.keys, layer.values, number)
    return plain


def _traced(model: Any, example: dict[str, Any]) -> Any:  # noqa: ANN401 - a module; a program
    """Return the ONNX program of a model.

    Which axes are free is said one by one: to find it out takes the exporter ten times as long.
    """
    from torch.export import Dim
    from transformers.exporters.configs import OnnxConfig
    from transformers.exporters.exporter_onnx import OnnxExporter

    shapes: dict[str, Any] = {name: {0: Dim.AUTO, 1: Dim.AUTO} for name in example}
    n_tensors = 2 * len(example["past_key_values"].layers)
    shapes["past_key_values"] = [{0: Dim.AUTO, 2: Dim.AUTO}] * n_tensors
    config = OnnxConfig(dynamic=True, dynamic_shapes=shapes)
    exporter: Any = OnnxExporter
    try:
        return exporter().export(model, example, config=config)
    except Exception as error:
        logging.getLogger(__name__).exception("tracing failed")
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ExportError(
            f"{type(model).__name__} cannot be traced to ONNX: {reason}",
            hint="Let PyTorch answer with %generate, or fine-tune a model of another architecture.",
        ) from error


def facts_of(model: Any, example: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a module
    """Return what a runtime must know of the graph, by the names that genai_config.json has."""
    config = model.config.get_text_config()
    keys = example["past_key_values"].layers[0].keys
    return {
        "kind": "causal",
        "type": model.config.model_type,
        "vocab_size": model.get_input_embeddings().weight.shape[0],
        "context_length": context_length(config),
        "decoder": {
            "head_size": keys.shape[3],
            "num_attention_heads": config.num_attention_heads,
            "num_key_value_heads": keys.shape[1],
            "num_hidden_layers": len(example["past_key_values"].layers),
        },
    }
