"""The model card of an exported model: `README.md` in the folder that is deployed."""

from pathlib import Path
from typing import Any

from ..catalog.entries import data_entry, model_entry
from ..run import Run
from ..spec import FinetuneSpec
from ..yaml import write_yaml
from . import words
from .blocks import Picture
from .chart_ladder import pictures_of
from .facts import title
from .faulty import faulty
from .front_matter import dataset_id, hub_id, licence_of
from .ladder import how_fast, how_true
from .markdown import draw, escaped, fenced
from .origins import about_base, about_data, learned_how
from .rungs import Ladder, apart, ladder_of, metric_of, metric_title, times_faster
from .running import programs
from .switched import adapters

FILES = {
    "model.onnx": "the graph; model.onnx.data has its weights",
    "genai_config.json": "how onnxruntime-genai and Foundry Local run it",
    "inference_model.json": "Foundry Local's name and prompt of the model",
    "tokenizer.json": "the tokenizer; tokenizer_config.json and chat_template.jinja belong to it",
    "labkit.json": "how it is asked, how it runs best, what it answered when it was made",
    "optimize.json": "all that was measured",
    "LICENSES.md": "whose work it was made from",
    "SHA256SUMS": "what every file must be",
}
"""What lies in the folder, as far as it is there."""

RUNTIMES = ("onnxruntime-genai", "foundry-local")
"""What runs a folder with a `genai_config.json`."""


def export_card(run: Run, precision: str) -> str:
    """Return the model card of one precision of an export as Markdown with a YAML head."""
    of = ladder_of(run)
    tuned = tuned_of(run)
    parts = [
        f"---\n{write_yaml(export_head(run, tuned, precision))}---",
        f"# {_name(run, tuned)}, {precision} for ONNX Runtime",
        *(draw(block) for block in faulty(run)),
        opening(run, tuned, of, precision),
        *beyond(of, precision),
        "## How to run it",
        *programs(tuned, run.path / precision),
        "## How true and how fast it is",
        *(draw(block) for block in (how_true(of), *how_fast(of), *adapters(run, of))),
        *(f"{block.title}: {escaped(block.alt)}" for block in _pictures(of)),
        *_refused(of),
        "## What it was made from",
        made_from(run, tuned),
        "## What lies here",
        _files(run.path / precision),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def tuned_of(run: Run) -> Run | None:
    """Return the run whose model an export is; None where a base model was exported."""
    folder = run.path.parent
    if not (folder / "spec.yaml").is_file():
        return None
    tuned = Run(folder)
    return tuned if isinstance(tuned.spec, FinetuneSpec) else None


def export_head(run: Run, tuned: Run | None, precision: str) -> dict[str, Any]:
    """Return the head of the card: what the Hugging Face hub's search reads."""
    spec = tuned.spec.as_dict() if tuned else {}
    name = str(spec.get("model") or run.spec.as_dict()["run"])
    base, data = hub_id(name), str(spec.get("data") or "")
    relation = "finetune" if precision == "fp32" else "quantized"
    dataset = dataset_id(data) if data else None
    kind = [str(task)] if (task := tuned.metrics.get("task") if tuned else None) else []
    return {
        **({"base_model": base, "base_model_relation": relation} if base else {}),
        "library_name": "onnxruntime",
        **licence_of(model_entry(name)),
        **({"language": "en"} if data_entry(data) else {}),  # all of the catalogue's are English
        "pipeline_tag": "text-classification" if spec.get("head") else "text-generation",
        **({"datasets": [dataset]} if dataset else {}),
        "tags": ["labkit", "onnx", *runtimes(run.path / precision), precision, *kind],
    }


def runtimes(folder: Path) -> tuple[str, ...]:
    """Return what runs a folder beside labkit and plain ONNX Runtime."""
    return RUNTIMES if (folder / "genai_config.json").is_file() else ()


def opening(run: Run, tuned: Run | None, of: Ladder, precision: str) -> str:
    """Return what the model is and its first numbers."""
    rung, target = of.rungs[precision], of.found.get("target", "cpu")
    name = f"The run `{title(tuned)}`" if tuned else f"`{run.spec.as_dict()['run']}`"
    faster = times_faster(of, precision)
    latency = rung.get("latency") or {}
    tuned_one = "tuned model" if tuned else "same model"
    facts = [
        words.size(rung.get("size_bytes")),
        f"{words.seconds(latency['token_seconds'])} per token" if latency else "",
        f"{faster:.1f} times as fast as PyTorch" if faster else "",
        f"KL {apart(rung, 'kl')} nats per token from the {tuned_one} in PyTorch",
        f"{metric_title(of)} {metric_of(rung)}" if rung.get("metric") else "",
    ]
    said = ", ".join(fact for fact in facts if fact)
    return f"{name} as one ONNX model with {precision} weights for the target `{target}`: {said}."


def beyond(of: Ladder, precision: str) -> list[str]:
    """Return, of a model that was kept beyond its gate, that it was and why that matters."""
    rung = of.rungs[precision]
    if rung.get("verdict") != "accepted":
        return []
    reasons = escaped(" ".join(map(str, rung.get("reasons") or ())))
    return [
        f"> **This model is beyond its gate.** {reasons} Whoever exported it accepted that "
        "(`--accept`). Its answers differ from the tuned model's; try it on your own texts before "
        "you rely on it."
    ]


def made_from(run: Run, tuned: Run | None) -> str:
    """Return base model, rows and method, each with its licence; LICENSES.md says it too."""
    if tuned is None:
        return about_base(str(run.spec.as_dict()["run"]))
    spec = tuned.spec.as_dict()
    said = f"{learned_how(spec['method'])}, trained with labkit."
    return "\n\n".join([said, about_base(str(spec["model"])), about_data(tuned)])


def _name(run: Run, tuned: Run | None) -> str:
    return title(tuned) if tuned else Path(str(run.spec.as_dict()["run"])).name


def _pictures(of: Ladder) -> list[Picture]:
    return [block for block in pictures_of(of) if isinstance(block, Picture)]


def _refused(of: Ladder) -> list[str]:
    return [
        f"{name} was refused: {escaped(' '.join(map(str, rung.get('reasons') or ())))}"
        for name, rung in of.rungs.items()
        if rung.get("verdict") == "refused"
    ]


def _files(folder: Path) -> str:
    lines = [
        f"- `{name}`: {what}" for name, what in FILES.items()
        if (folder / name).exists() or name == "SHA256SUMS"
    ]  # fmt: skip
    check = fenced("labkit verify .        # or: sha256sum -c SHA256SUMS", "bash")
    return "\n".join(lines) + f"\n\nCheck it where it shall run:\n\n{check}"
