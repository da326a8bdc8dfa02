"""The YAML head of a model card: what the Hugging Face hub's search reads."""

import re
from pathlib import Path
from typing import Any

from ..catalog.entries import ModelEntry, data_entry, model_entry
from ..run import Run
from . import figures
from .facts import title
from .scores import has_results, judged_model

LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit", "Gemma Terms of Use": "gemma"}
"""Our licence names in the hub's words."""


def front_matter(run: Run) -> dict[str, Any]:
    """Return the head of the card: what the hub's search reads."""
    spec, base = run.spec.as_dict(), hub_id(str(run.spec.as_dict()["model"]))
    model = model_entry(spec["model"])
    dataset = dataset_id(spec["data"])
    kind = run.metrics.get("task", "generation")
    relation = "finetune" if spec["method"] == "full" else "adapter"
    return {
        **({"base_model": base, "base_model_relation": relation} if base else {}),
        "library_name": _library(spec),
        **licence_of(model),
        "pipeline_tag": _pipeline(spec),
        **({"datasets": [dataset]} if dataset else {}),
        "tags": ["labkit", spec["method"], kind],
        **({"metrics": _metric_names(run.metrics)} if run.metrics else {}),
        **({"model-index": [_index(run)]} if has_results(run.metrics) else {}),
    }


def _pipeline(spec: dict[str, Any]) -> str:
    """Return what the hub calls the work of such a model."""
    if spec["loss"] == "contrastive":
        return "sentence-similarity"
    return "text-classification" if spec["head"] else "text-generation"


def needs_labkit(spec: dict[str, Any]) -> bool:
    """Tell whether only labkit can load what a run learned."""
    return bool(spec["head"]) or spec["method"] == "adapter"


def _library(spec: dict[str, Any]) -> str:
    if needs_labkit(spec):
        return "labkit"
    return "transformers" if spec["method"] == "full" else "peft"


def hub_id(model: str) -> str | None:
    """Return the Hugging Face id of a model, or None for a local folder."""
    entry = model_entry(model)
    if entry:
        published = re.search(r"\(([\w.-]+/[\w.-]+)\)", entry.made_by)
        return entry.hub.id if entry.hub else published and published.group(1)
    is_id = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", model) and not Path(model).exists()
    return model if is_id else None


def licence_of(model: ModelEntry | None) -> dict[str, str]:
    """Return a model's licence in the hub's words; nothing where nobody knows it."""
    if model is None:
        return {}
    known = LICENCES.get(model.licence)
    if known:
        return {"license": known}
    return {"license": "other", "license_name": model.licence, "license_link": model.licence_url}


def dataset_id(data: str) -> str | None:
    """Return a hub data set's id; a name of ours or a file would name someone else's there."""
    is_id = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", data) and not Path(data).exists()
    return data if is_id and not Path(data).suffix else None


_HUB_METRICS = {"accuracy": "accuracy", "macro_f1": "f1", "exact_match": "exact_match",
                "field_f1": "f1", "entity_f1": "f1", "bleu": "bleu", "chrf": "chrf",
                "rouge1": "rouge", "rouge2": "rouge", "rougeL": "rouge",
                "perplexity": "perplexity"}  # fmt: skip


def _metric_names(metrics: dict[str, Any]) -> list[str]:
    found = figures.figures(judged_model(metrics)[1]) if has_results(metrics) else {}
    return list(dict.fromkeys(name for key, name in _HUB_METRICS.items() if key in found))


def _index(run: Run) -> dict[str, Any]:
    metrics, spec = run.metrics, run.spec.as_dict()
    is_labels = metrics.get("task") == "classification"
    task = "text-classification" if is_labels else "text-generation"
    entry = data_entry(spec["data"])
    found = figures.figures(judged_model(metrics)[1])
    measured = [
        {"type": name, "name": figures.title(key), "value": round(float(found[key].value), 4)}
        for key, name in _HUB_METRICS.items()
        if key in found
    ]
    dataset = {"type": spec["data"], "name": entry.title if entry else Path(spec["data"]).name,
               "split": metrics.get("split", "test")}  # fmt: skip
    result = {"task": {"type": task}, "dataset": dataset, "metrics": measured}
    return {"name": title(run), "results": [result]}
