"""The parts of a program, chosen and filled in."""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from textwrap import indent
from typing import TYPE_CHECKING, Any

from .. import machine
from ..errors import SpecError
from ..spec import METHODS, FinetuneSpec
from ..training.methods import CONFIGURATIONS, linear_layers
from ..training.methods.targets import output_layer
from ..training.schedule import count_steps, eval_steps, micro_batch
from . import settings
from .rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Subject:
    """What a program is written about."""

    spec: FinetuneSpec
    name: str
    folder: Path
    """The base model's."""

    model: "PreTrainedModel"
    """The base model; it needs no weights."""

    rows: Rows
    pad: int
    """The padding token, which nothing looks at."""

    precision: str
    """`fp32` or `bf16`."""

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return count_steps(self.rows.n_train, self.spec)


def program(subject: Subject) -> str:
    """Return the source of `train.py`.

    Raises:
        SpecError: The run scales its gradients (fp16), which the program does not.
    """
    if subject.precision not in ("fp32", "bf16"):
        raise SpecError(
            f"A plain program is written for precision fp32 and bf16; got {subject.precision}.",
            hint="Set precision: fp32 to see the program of such a run.",
        )
    words = _words(subject)
    text = "".join(_filled(part, words) for part in _chosen(subject))
    return text.replace("$imports", _imports(text))


def _chosen(subject: Subject) -> list[str]:
    """Return the names of the parts, first to last."""
    spec = subject.spec
    how = {"full": ["full"], "adapter": ["bottlenecks"]}.get(spec.method, ["peft"])
    if spec.method == "prefix_tuning" and not spec.prefix_projection:
        how.append("prefix from tokens")
    if spec.method == "prompt_tuning" and spec.prompt_tuning_init_text:
        how.append("prompt from text")
    keeps = ["keep the best"] if spec.load_best_model_at_end else ["keep the last"]
    if spec.early_stopping_patience and spec.load_best_model_at_end:
        keeps.append("stop early")
    return [
        "head", subject.rows.part, "reading", *["bottleneck"] * (spec.method == "adapter"),
        "model", *how, *["checkpointing"] * spec.gradient_checkpointing, "model end",
        "loss", "optimizer", "loop", *keeps,
    ]  # fmt: skip


def _words(subject: Subject) -> dict[str, str]:
    """Return what is filled into the parts' places."""
    spec, steps = subject.spec, subject.steps
    method, is_full = METHODS[spec.method], spec.method == "full"
    return {
        "title": method.title[:1].upper() + method.title[1:], "paper": method.paper,
        "name": subject.name, "folder": "model" if is_full else "adapter",
        "model": settings.source(str(subject.folder)), "seed": str(spec.seed), "steps": str(steps),
        "eval_steps": str(eval_steps(steps, subject.rows.n_validation, spec)),
        "micro": str(micro_batch(spec)),
        "parts": str(spec.gradient_accumulation_steps), "threads": str(machine.processors()),
        "remote": ", trust_remote_code=True" if spec.trust_remote_code else "",
        "loading": _loading(subject), "alike": ALIKE if spec.method == "qlora" else "",
        "base": "model" if is_full else "model.get_base_model()",
        "init_text": settings.source(spec.prompt_tuning_init_text), "pad": str(subject.pad),
        "forward": _filled(f"forward in {subject.precision}", {}).rstrip("\n"),
        "optimizer": settings.optimizer(spec), "schedule": settings.schedule(spec, steps),
        "save_best": indent(_saving(spec), " " * 12), "save_last": _saving(spec),
        "best": _best(spec), "patience": str(spec.early_stopping_patience),
        "max_grad_norm": repr(spec.max_grad_norm),
        **_adapter(subject), **subject.rows.words,
    }  # fmt: skip


def _saving(spec: FinetuneSpec) -> str:
    """Return the lines that write what was learned."""
    if spec.method == "adapter":
        return _filled("save adapter", {}).rstrip("\n")
    is_full = spec.method == "full"
    words = {"folder": "model", "whole": ""}
    adapter = {"folder": "adapter", "whole": ", save_embedding_layers=False"}
    return _filled("save all", words if is_full else adapter).rstrip("\n")


def _best(spec: FinetuneSpec) -> str:
    """Return the lines that begin the search for the best validation, where there is one."""
    if not spec.load_best_model_at_end:
        return ""
    counts = spec.early_stopping_patience > 0
    return 'best, since = float("inf"), 0\n' if counts else 'best = float("inf")\n'


def _adapter(subject: Subject) -> dict[str, str]:
    """Return the adapter's configuration; of a bottleneck its layers and width."""
    spec, model = subject.spec, subject.model
    if spec.method == "full":
        return {}
    config: Any = CONFIGURATIONS[spec.method](model, spec)
    if spec.method != "adapter":
        return {"config": settings.peft_config(config)}
    ends = config.target_modules
    if ends == "all-linear":  # PEFT's word, which leaves out the output layer
        ends = [name for name in linear_layers(model) if name != output_layer(model)]
    elif isinstance(ends, str):  # an expression: the layers that it means, by name
        ends = [name for name, _ in model.named_modules() if re.fullmatch(ends, name)]
    listed = ", ".join(settings.source(f".{end}") for end in sorted(ends))
    return {"targets": f"({listed},)", "r": str(spec.r)}


ALIKE = """\
for layer in model.modules():  # the same numbers on every processor
    if hasattr(layer, "support_avx512bf16_for_cpu"):
        layer.support_avx512bf16_for_cpu = False
"""


def _loading(subject: Subject) -> str:
    """Return more arguments of `from_pretrained`: of QLoRA how weights are kept in 4 bits."""
    spec = subject.spec
    if spec.method != "qlora":
        return ""
    dtype = {"fp32": "torch.float32", "bf16": "torch.bfloat16"}[subject.precision]
    return (
        ', device_map={"": DEVICE},\n'
        "    quantization_config=BitsAndBytesConfig(\n"
        f'        load_in_4bit=True, bnb_4bit_quant_type="{spec.bnb_4bit_quant_type}",\n'
        f"        bnb_4bit_use_double_quant={spec.bnb_4bit_use_double_quant},\n"
        f"        bnb_4bit_compute_dtype={dtype},  # for each product\n"
        "    )"
    )


IMPORTS = {
    "peft": (
        "IA3Config",
        "LoraConfig",
        "PrefixTuningConfig",
        "PromptTuningConfig",
        "get_peft_model",
    ),
    "peft.optimizers": ("create_loraplus_optimizer",),
    "safetensors.torch": ("save_file",),
    "transformers": (
        "Adafactor",
        "AutoModelForCausalLM",
        "AutoTokenizer",
        "BitsAndBytesConfig",
        "get_scheduler",
    ),
    "transformers.trainer_pt_utils": ("get_parameter_names",),
}
"""What a program may use beside torch and the standard library."""


def _imports(text: str) -> str:
    """Return the imports of what a program uses."""
    lines = []
    for package, names in IMPORTS.items():
        used = [name for name in names if f"{name}(" in text or f"{name}." in text]
        if used:
            lines.append(f"from {package} import {', '.join(used)}")
    return "\n".join(lines)


def _filled(part: str, words: dict[str, str]) -> str:
    return Template(_PARTS[part]).safe_substitute(words)


def _read() -> dict[str, str]:
    text = (files(__package__) / "parts.txt").read_text(encoding="utf-8")
    names = re.findall(r"^=== (.+)$", text, re.MULTILINE)
    return dict(zip(names, re.split(r"^=== .+\n", text, flags=re.MULTILINE)[1:], strict=True))


_PARTS = _read()
