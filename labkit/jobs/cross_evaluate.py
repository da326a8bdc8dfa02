"""The job of measuring every adapter, and the base, on the rows of every adapter's task."""

import gc
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from .. import machine, report, training
from ..data import Example
from ..evaluation import Evaluation, compare, compare_texts
from ..files import write_json
from ..run import Run
from ..spec import CrossSpec, FinetuneSpec
from .job import Job, opened, write_environment
from .measuring import Held

if TYPE_CHECKING:
    from ..training import SharedBase

BASE = "base"


@dataclass(frozen=True)
class Task:
    """The held-out rows of a run, and what the base model makes of them."""

    name: str
    """The run that was trained on the others of these rows."""

    rows: Held
    """The rows that are measured."""

    base: list[Any]
    """The base model's evaluation, once it is known."""


def cross_evaluate(job: Job) -> str:
    """Measure the base, then each adapter, on the rows of all; the base stays in memory."""
    spec = job.spec
    assert isinstance(spec, CrossSpec)
    runs = [Run(name) for name in spec.adapters]
    tasks = [_task(job, run, spec) for run in runs]
    fingerprints = "+".join(task.rows.splits.fingerprint for task in tasks)
    write_environment(job, fingerprints)
    shared, cells = training.SharedBase(), dict[str, dict[str, Any]]()
    for run in (None, *runs):
        name = BASE if run is None else run.name
        cells[name] = {}
        for task in tasks:
            if job.should_stop():
                return "stopped"
            cells[name][task.name] = found = _cell(shared, run, task)
            job.emit("cell", model=name, task=task.name, **found)
        shared.take_back()
    about = {task.name: _about(task) for task in tasks}
    write_json(job.path / "metrics.json", {"tasks": about, "cells": cells})
    report.write_report(Run(job.path))
    return "done"


def _task(job: Job, run: Run, asked: CrossSpec) -> Task:
    """Return a run's held-out rows, or as many of them as are asked for, drawn from all."""
    spec = run.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    drawn = _drawn(splits.held_out, asked)
    rows = replace(splits, test=drawn) if splits.test else replace(splits, validation=drawn)
    return Task(run.name, Held(job, spec, folder, tokenizer, rows), [])


def _drawn(rows: tuple[Example, ...], asked: CrossSpec) -> tuple[Example, ...]:
    """Return at most `limit` rows in their order, drawn so that sorted data is no trap."""
    n = min(asked.limit, len(rows))
    return tuple(rows[i] for i in sorted(Random(asked.seed).sample(range(len(rows)), n)))


def _cell(shared: "SharedBase", run: Run | None, task: Task) -> dict[str, Any]:
    """Return the first metric of a model on a task's rows, and how far it is from the base's."""
    held = task.rows
    if run is None:
        trusts = held.spec.trust_remote_code
        plain = FinetuneSpec(model=held.spec.model, trust_remote_code=trusts)
        task.base.append(held.evaluate(shared.bare(held.folder, plain), f"{BASE} ({task.name})"))
        return _first(task.base[0].as_dict())
    spec = run.spec
    assert isinstance(spec, FinetuneSpec)
    model = shared.learned(held.folder, run.learned, spec)
    found = held.evaluate(model, f"{run.name} ({task.name})")
    del model
    gc.collect()
    machine.give_back_memory()
    return _first(found.as_dict()) | {"change": _change(task, found)}


def _first(found: dict[str, Any]) -> dict[str, Any]:
    """Return the first metric of an evaluation."""
    name, values = next(iter(found["metrics"].items()))
    kept = ("value", "interval", "higher_is_better")
    return {"metric": name} | {key: values[key] for key in kept if key in values}


def _change(task: Task, found: Any) -> dict[str, Any]:  # noqa: ANN401 - either evaluation
    """Return how far a model is from the base on the same rows."""
    if isinstance(found, Evaluation):
        texts = [example.prompt for example in task.rows.splits.held_out]
        change: Any = compare(task.base[0], found, texts).paired
    else:
        change = compare_texts(task.base[0], found)
    return {key: getattr(change, key) for key in ("difference", "interval", "p_value")}


def _about(task: Task) -> dict[str, Any]:
    splits = task.rows.splits
    split = "test" if splits.test else "validation"
    n = len(splits.held_out)
    return {"data": task.rows.spec.data, "task": splits.task, "split": split, "n": n}
