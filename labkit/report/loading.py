"""The program in a model card that loads what a run learned and answers one prompt."""

from typing import Any

from ..run import Run
from .front_matter import hub_id, needs_labkit
from .markdown import fenced


def loading(run: Run) -> str:
    """Return how to load what the run learned, in words and as a program."""
    needed = "labkit" if needs_labkit(run.spec.as_dict()) else _PACKAGES[_kind(run)]
    said = f"In this folder, with `pip install {needed}`"
    return f"{said}{_why(run)}:\n\n{fenced(program(run), 'python')}"


def program(run: Run) -> str:
    """Return Python that prints the model's answer to the run's first prompt.

    Of an encoder it prints how alike that text and another one are.
    """
    spec, example = run.spec.as_dict(), run.last("example") or {}
    loader = _LABKIT if needs_labkit(spec) else _LOADERS[_kind(run)]
    answer = _PROMPT + (_CHOOSE if spec["head"] else _GENERATE)
    if spec["loss"] == "contrastive":
        loader, answer = loader.replace("AutoModelForCausalLM", "AutoModel"), _COMPARE
    base = hub_id(str(spec["model"])) or str(spec["model"])
    code = f"{loader}\n\n{answer}"
    return code.format(
        base=base,
        quant=spec["bnb_4bit_quant_type"],
        double=spec["bnb_4bit_use_double_quant"],
        prompt=str(example.get("prompt", "Hello")),
        labels=list(run.metrics.get("labels", [])),
        tokens=longest(example),
    )


_PACKAGES = {
    "full": "transformers torch",
    "qlora": "peft transformers torch bitsandbytes accelerate",
    "peft": "peft transformers torch",
}

_LOADERS = {
    "full": """\
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("model")
model = AutoModelForCausalLM.from_pretrained("model")""",
    "qlora": """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

base = {base!r}
four_bits = BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type={quant!r}, bnb_4bit_use_double_quant={double!r}
)
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, quantization_config=four_bits)
model = PeftModel.from_pretrained(model, "adapter")""",
    "peft": """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = {base!r}
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), "adapter")""",
}

_LABKIT = """\
from labkit import Run, catalog
from labkit.training import load_tuned
from transformers import AutoTokenizer

run = Run(".")
base = catalog.resolve_model(run.spec.model)
tokenizer = AutoTokenizer.from_pretrained(base)
model = load_tuned(base, run.learned, run.spec)"""

_PROMPT = """\
prompt = {prompt!r}
inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
"""

_GENERATE = """\
output = model.generate(**inputs, max_new_tokens={tokens}, do_sample=False)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))"""

_CHOOSE = """\
labels = {labels!r}
scores = model(**inputs).logits[0, -1]
print(labels[int(scores.argmax())])"""


_COMPARE = """\
import torch

texts = [{prompt!r}, "A sentence of your own."]
inputs = tokenizer(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    states = model(**inputs).last_hidden_state
mask = inputs["attention_mask"].unsqueeze(-1)
mean = (states * mask).sum(1) / mask.sum(1)
first, second = torch.nn.functional.normalize(mean, dim=-1)
print(f"cosine similarity: {{float(first @ second):.3f}}")"""


def _kind(run: Run) -> str:
    method = str(run.spec.as_dict()["method"])
    return method if method in _LOADERS else "peft"


def _why(run: Run) -> str:
    spec = run.spec.as_dict()
    if spec["head"]:
        return " (the head in place of the output layer is labkit's own)"
    if needs_labkit(spec):
        return " (PEFT has no bottleneck adapters; these are labkit's)"
    if spec["method"] == "qlora":
        return " (the adapter was trained on this base in 4 bits)"
    return ""


def longest(example: dict[str, Any]) -> int:
    """Return how many new tokens a completion needs: twice those of the first row, from 8."""
    return max(8, 2 * int(example.get("n_target_tokens") or 16))
