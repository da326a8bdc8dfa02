"""The job of measuring every adapter, and the base, on the rows of every adapter's task."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import data, machine, report, training
from ..evaluation import Evaluation, compare, compare_texts
from ..evaluation.kinds import Model
from ..evaluation.subjects import BASE
from ..files import write_json
from ..run import Run
from ..spec import CrossSpec, FinetuneSpec
from .job import Job, opened, write_environment
from .measuring import Held

if TYPE_CHECKING:
    from ..training import SharedBase

Tasks = Mapping[str, Held]
"""The held-out rows that are measured, by the name of the run that has learned the others."""


def cross_evaluate(job: Job) -> str:
    """Measure the base, then each adapter, on the rows of all; the base stays in memory."""
    spec = job.spec
    assert isinstance(spec, CrossSpec)
    runs = [Run(name) for name in spec.adapters]
    tasks = {run.name: _held(job, run, spec) for run in runs}
    write_environment(job, "+".join(held.splits.fingerprint for held in tasks.values()))
    shared, base, cells = training.SharedBase(), dict[str, Any](), dict[str, Any]()
    try:
        for name, run in {BASE: None, **dict(zip(tasks, runs, strict=True))}.items():
            model = _lent(shared, run, tasks[runs[0].name])
            cells[name] = _row(job, name, model, tasks, base)
            del model
            shared.take_back()
            machine.give_back_memory()
    except StopIteration:
        return "stopped"
    about = {name: _about(held) for name, held in tasks.items()}
    write_json(job.path / "metrics.json", {"tasks": about, "cells": cells})
    report.write_report(Run(job.path))
    return "done"


def _held(job: Job, run: Run, asked: CrossSpec) -> Held:
    """Return a run's held-out rows, or as many of them as are asked for, drawn from all."""
    spec = run.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    rows = data.drawn(splits.held_out, asked.limit, asked.seed)
    return Held(job, spec, folder, tokenizer, splits.with_held_out(rows))


def _lent(shared: "SharedBase", run: Run | None, held: Held) -> Model:
    """Return the base in memory, with a run's adapter where one is named."""
    if run is None:
        trusts = held.spec.trust_remote_code
        plain = FinetuneSpec(model=held.spec.model, trust_remote_code=trusts)
        return shared.bare(held.folder, plain)
    spec = run.spec
    assert isinstance(spec, FinetuneSpec)
    return shared.learned(held.folder, run.learned, spec)


def _row(
    job: Job, name: str, model: Model, tasks: Tasks, base: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the first metric of a model on the rows of each task, and how far it is from the base.

    Args:
        job: Whom to tell.
        name: What the model is called.
        model: The base, or an adapter on it.
        tasks: The rows.
        base: The base model's evaluations by task; the first model's are put there.

    Raises:
        StopIteration: The run was asked to stop.
    """
    cells = {}
    for task, held in tasks.items():
        if job.should_stop():
            raise StopIteration
        found = held.evaluate(model, f"{name} ({task})")
        cells[task] = _first(found.as_dict())
        if task in base:
            cells[task]["change"] = _change(held, base[task], found)
        base.setdefault(task, found)
        job.emit("cell", model=name, task=task, **cells[task])
    return cells


def _first(found: dict[str, Any]) -> dict[str, Any]:
    """Return the first metric of an evaluation."""
    name, values = next(iter(found["metrics"].items()))
    kept = ("value", "interval", "higher_is_better")
    return {"metric": name} | {key: values[key] for key in kept if key in values}


def _change(held: Held, base: Any, found: Any) -> dict[str, Any]:  # noqa: ANN401 - of either kind
    """Return how far a model is from the base on the same rows."""
    if isinstance(found, Evaluation):
        texts = [example.prompt for example in held.splits.held_out]
        change: Any = compare(base, found, texts).paired
    else:
        change = compare_texts(base, found)
    return {key: getattr(change, key) for key in ("difference", "interval", "p_value")}


def _about(held: Held) -> dict[str, Any]:
    splits = held.splits
    n, split = len(splits.held_out), splits.held_out_split
    return {"data": held.spec.data, "task": splits.task, "split": split, "n": n}
