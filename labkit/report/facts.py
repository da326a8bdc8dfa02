"""What a run used, what it took and where it lies, as blocks."""

import os
from pathlib import Path

from ..run import Run
from ..spec import METHODS, FinetuneSpec
from ..training.schedule import batch_sentence
from . import measured, words
from .blocks import Block, Facts


def facts(run: Run) -> list[Block]:
    """Return what was used, what it took, and where the files are."""
    used = [("job", run.job), *_settings(run)]
    return [
        Facts("What was used", tuple(used)),
        *_facts("What it took", cost(run)),
        *_facts("Where it is", [("folder", str(place(run))), *files(run)]),
    ]


def cost(run: Run) -> list[tuple[str, str]]:
    """Return time, speed, memory and sizes, as far as recorded."""
    training = run.metrics.get("training", {})
    adapter = run.metrics.get("adapter", {})
    peak = measured.peak_memory(run)
    speed = training.get("tokens_per_second") or measured.tokens_per_second(run)
    items = [
        ("training", training.get("seconds") and words.seconds(training["seconds"])),
        ("whole run", words.seconds(measured.elapsed(run))),
        ("speed", speed and f"{words.count(speed)} tokens per second"),
        ("steps", training.get("steps") and words.count(training["steps"])),
        ("peak memory", peak and words.size(peak)),
        (f"{_learned(run)} on disk", adapter.get("bytes") and words.size(adapter["bytes"])),
        ("trainable parameters", _trainable(run)),
    ]
    return [(label, str(value)) for label, value in items if value and value != "–"]


def place(run: Run) -> Path:
    """Return the run's folder, from the current one where it lies below."""
    here = Path.cwd()
    return run.path.relative_to(here) if run.path.is_relative_to(here) else run.path


def title(run: Run) -> str:
    """Return the run's name without the folders of this machine."""
    return run.path.name if Path(run.name).is_absolute() else run.name


def files(run: Run) -> list[tuple[str, str]]:
    """Return the files of the run that a person may want, and what they are."""
    known = {
        "report.html": "the whole record as a page",
        "README.md": "the model card",
        "adapter": "the adapter, in PEFT's format",
        "model": "the tuned model, in Transformers' format",
        "predictions.jsonl": "every row with each model's answer, a line each",
        "metrics.json": "all results as numbers",
        "events.jsonl": "all that happened, a line each",
        "tensorboard": "the same as TensorBoard logs",
        "log.txt": "what the worker printed",
    }
    return [(name, what) for name, what in known.items() if (run.path / name).exists()]


def href(run: Run, name: str) -> str:
    """Return a link to a file of the run, relative to the current folder."""
    return Path(os.path.relpath(run.path / name)).as_posix()


def _settings(run: Run) -> list[tuple[str, str]]:
    spec = run.spec.as_dict()
    if run.job in ("combine", "adopt"):
        names = ("model", "data", "seed", *(("folder",) if run.job == "adopt" else ()))
        return [(name, str(spec[name])) for name in names]
    if run.job not in ("finetune", "find_lr", "plan"):
        given = {key: value for key, value in spec.items() if value is not None}
        return [(words.name(key), words.value_of(key, value)) for key, value in given.items()]
    rate = ("learning rate", f"{spec['learning_rate']:g}, {spec['lr_scheduler_type']}")
    return [
        ("model", str(spec["model"])),
        ("data", str(spec["data"]) + _rows(run)),
        ("method", method(run)),
        *([rate] if run.job == "finetune" else []),
        ("batch size", _batch(run)),
        ("seed", str(spec["seed"])),
    ]


def method(run: Run) -> str:
    """Return the method by its name in the papers and the settings that make it what it is."""
    spec = run.spec.as_dict()
    known = METHODS[spec["method"]]
    shown = [
        f"{name} = {words.value_of('', spec[name])}"
        for name, default in known.defaults.items()
        if name in PRINCIPAL or (spec[name] != default and name != "learning_rate")
    ]
    head = ["a classification head"] if spec["head"] else []
    return ", ".join([known.title, *shown, *head])


PRINCIPAL = ("r", "lora_alpha", "bnb_4bit_quant_type", "adapter_placement", "num_virtual_tokens")
"""Settings of a method that are shown even where they are its defaults."""


def _learned(run: Run) -> str:
    return "model" if (run.path / "model").exists() else "adapter"


def _batch(run: Run) -> str:
    """Return the rows of a step, and in how many passes they are computed."""
    assert isinstance(run.spec, FinetuneSpec)
    parts = batch_sentence(run.spec).partition(" = ")[2]
    return f"{run.spec.batch_size} rows per step" + (f" = {parts}" if parts else "")


def _rows(run: Run) -> str:
    event = run.last("data") or {}
    parts = [f"{event[part]} {part}" for part in ("train", "validation", "test") if event.get(part)]
    return f" ({', '.join(parts)} rows)" if parts else ""


def _trainable(run: Run) -> str:
    found = run.metrics.get("adapter") or run.last("plan") or {}
    trainable, total = found.get("trainable"), found.get("total")
    if not trainable:
        return ""
    share = f" ({words.percent(trainable / total)} of {words.count(total)})" if total else ""
    return words.count(trainable) + share


def _facts(title: str, items: list[tuple[str, str]]) -> list[Block]:
    return [Facts(title, tuple(items))] if items else []
