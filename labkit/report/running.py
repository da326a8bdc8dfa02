"""The programs in an exported model's card: labkit, onnxruntime-genai, plain ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..catalog.entries import data_entry
from ..data.layouts import PLAIN, template_layout
from ..data.templates import unfilled
from ..files import read_json
from ..run import Run
from ..spec import FinetuneSpec
from .loading import longest
from .markdown import fenced

LABKIT = """\
import labkit

model = labkit.load(".")
prompt = {prompt!r}
print(model.generate(prompt, max_new_tokens={tokens}, raw=True))"""

SCORE = """\
import labkit

model = labkit.load(".")
labels = {labels!r}
print(model.score({given!r}, labels))"""

GENAI = """\
import onnxruntime_genai as og

model = og.Model(".")
tokenizer = og.Tokenizer(model)
prompt = {prompt!r}
ids = tokenizer.encode(prompt)
params = og.GeneratorParams(model)
params.set_search_options(max_length=max({window}, len(ids) + {tokens}), do_sample=False)
generator = og.Generator(model, params)
generator.append_tokens(ids)
for _ in range({tokens}):
    if generator.is_done():
        break
    generator.generate_next_token()
print(tokenizer.decode(generator.get_sequence(0)[len(ids):]))"""

ONNX = """\
import json
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file("tokenizer.json")
config = json.loads(Path("genai_config.json").read_text())["model"]
ends, head = config["eos_token_id"], config["decoder"]["head_size"]
inputs = {{one.name: one for one in session.get_inputs()}}
outputs = [one.name for one in session.get_outputs()]
past = {{
    name: np.zeros((1, one.shape[1], 0, head), np.float32)
    for name, one in inputs.items()
    if name.startswith("past_key_values.")
}}
prompt = {prompt!r}
ids = tokenizer.encode(prompt, add_special_tokens=False).ids
read, new, answer = 0, ids, []
for _ in range({tokens}):
    total = read + len(new)
    feeds = {{"input_ids": np.array([new]), "attention_mask": np.ones((1, total), np.int64)}}
    if "position_ids" in inputs:
        feeds["position_ids"] = np.arange(read, total)[None]
    found = dict(zip(outputs, session.run(outputs, feeds | past)))
    past = {{name: found[name.replace("past_key_values", "present")] for name in past}}
    read, token = total, int(found["logits"][0, -1].argmax())
    if token in (ends if isinstance(ends, list) else [ends]):
        break
    answer.append(token)
    new = [token]
print(tokenizer.decode(answer))"""

WAYS = (
    ("With labkit, which needs no PyTorch for this:", LABKIT),
    ("With `pip install onnxruntime-genai`; Foundry Local does the same:", GENAI),
    ("With `pip install onnxruntime tokenizers numpy` alone:", ONNX),
)
"""Each way and its program; all print the likeliest answer to one prompt."""

SCORED = ("With labkit, which needs no PyTorch for this; the probability of each label:", SCORE)
"""The first way with a model that learned labels."""

LEAST = 512
"""Tokens that onnxruntime-genai must be given at least: some attention windows are as long."""


def programs(tuned: Run | None, folder: Path) -> list[str]:
    """Return how to load and ask the model of a folder, as far as its kind allows.

    Args:
        tuned: The run it was made from, whose first prompt is asked; None for a base model.
        folder: Where it lies; without `genai_config.json` it is for labkit alone.
    """
    example = (tuned.last("example") if tuned else None) or {}
    labels, given = _labelled(tuned, example)
    if tuned is not None and tuned.spec.as_dict()["head"]:
        head = _fenced(_HEAD.format(given=given or "Hello"))
        return [f"In this folder, with labkit (its answer is a label):\n\n{head}"]
    model = _genai(folder)
    known = {
        "prompt": str(example.get("prompt", "Hello")),
        "tokens": longest(example),
        "window": min(LEAST, model.get("context_length", LEAST)),
        "labels": labels,
        "given": given,
    }
    first = SCORED if labels and given else WAYS[0]
    ways = (first, *(WAYS[1 : 3 if _is_plain(model) else 2] if model else ()))
    found = [f"{said}\n\n{_fenced(code.format(**known))}" for said, code in ways]
    return [f"In this folder (`{folder.name}/`). {found[0]}", *found[1:]]


def _labelled(
    tuned: Run | None, example: Mapping[str, Any]
) -> tuple[list[str], str | Mapping[str, str] | None]:
    """Return the labels that a run learned, and what its first prompt was made from.

    That is a text, or column → text where its template has several places; None where the prompt
    is a chat or unknown.
    """
    spec = tuned.spec if tuned else None
    if tuned is None or not isinstance(spec, FinetuneSpec) or example.get("chat"):
        return [], None
    entry = data_entry(spec.data)
    layout = template_layout(spec, entry.text_template if entry else None) or PLAIN
    texts = unfilled(layout.prompt, str(example.get("prompt", "")))
    given = next(iter(texts.values())) if texts and len(texts) == 1 else texts
    return list(map(str, tuned.metrics.get("labels") or ())), given or None


def _genai(folder: Path) -> dict[str, Any]:
    """Return what onnxruntime-genai knows of a model; nothing where it cannot take it."""
    return dict(read_json(folder / "genai_config.json").get("model", {}))


def _is_plain(model: dict[str, Any]) -> bool:
    """Whether a graph remembers keys and values alone; others have states of convolutions."""
    inputs = model.get("decoder", {}).get("inputs", {})
    past = {name for name in inputs if name.startswith("past_")}
    return past == {"past_key_names", "past_value_names"}


def _fenced(code: str) -> str:
    return fenced(code, "python")


_HEAD = """\
import labkit

model = labkit.load(".")
print(model.score({given!r}))"""
