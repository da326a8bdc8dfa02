"""The programs in an exported model's card: labkit, onnxruntime-genai, plain ONNX Runtime."""

from ..run import Run
from .loading import longest
from .markdown import fenced

LABKIT = """\
import labkit

model = labkit.load(".")
prompt = {prompt!r}
print(model.generate(prompt, max_new_tokens={tokens}, raw=True))"""

GENAI = """\
import onnxruntime_genai as og

model = og.Model(".")
tokenizer = og.Tokenizer(model)
prompt = {prompt!r}
ids = tokenizer.encode(prompt)
params = og.GeneratorParams(model)
params.set_search_options(max_length=max({least}, len(ids) + {tokens}), do_sample=False)
generator = og.Generator(model, params)
generator.append_tokens(ids)
for _ in range({tokens}):
    if generator.is_done():
        break
    generator.generate_next_token()
print(tokenizer.decode(generator.get_sequence(0)[len(ids):]))"""

ONNX = """\
import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file("tokenizer.json")
ends = json.load(open("genai_config.json"))["model"]["eos_token_id"]
inputs = {{one.name: one for one in session.get_inputs()}}
outputs = [one.name for one in session.get_outputs()]
past = {{
    name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32)
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

LEAST = 512
"""Tokens that onnxruntime-genai must be given at least: some attention windows are as long."""


def programs(tuned: Run | None, precision: str) -> list[str]:
    """Return how to load and ask a model in its folder; a head's labels are not text."""
    if tuned is not None and tuned.spec.as_dict()["head"]:
        code = fenced(_HEAD, "python")
        return [f"In this folder, with labkit (its answer is a label):\n\n{code}"]
    example = (tuned.last("example") if tuned else None) or {}
    known = {
        "prompt": str(example.get("prompt", "Hello")),
        "tokens": longest(example),
        "least": LEAST,
    }
    start = f"In this folder (`{precision}/`)."
    return [
        f"{start if at == 0 else ''} {said}\n\n{fenced(code.format(**known), 'python')}".strip()
        for at, (said, code) in enumerate(WAYS)
    ]


_HEAD = """\
import labkit

model = labkit.load(".")
print(model.score("Hello"))"""
