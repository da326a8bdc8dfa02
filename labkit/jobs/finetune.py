"""The job of fine-tuning: rows, training, base beside tuned, report."""

import gc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import catalog, faults, machine, training
from ..evaluation.kinds import Model
from ..run import Run
from ..spec import FinetuneSpec
from ..training import processes
from .cards import write_results
from .job import Job, opened, write_environment
from .learning import head_labels, tokens
from .measuring import Held, Lent, measure
from .planning import Planner, compared
from .trained import Start, train_one, trained

if TYPE_CHECKING:
    from ..training import AdapterFacts, TrainResult


def finetune(job: Job, lent: Lent | None = None) -> str:
    """Data, training, evaluation, report.

    Args:
        job: The run.
        lent: A base model in memory; left out, the run reads one of its own.
    """
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    job.notes(catalog.model_notes(spec.model, folder))
    rows = tokens(job, splits, tokenizer, spec)
    write_environment(job, splits.fingerprint)
    planner = Planner.of(job, folder, rows, len(head_labels(spec, splits)))
    planner.begin()
    if planner.spec.max_length != spec.max_length:
        rows = tokens(job, splits, tokenizer, planner.spec)
    job, spec = planner.job, planner.spec
    ready = partial(lent.base.ready if lent else _fresh, folder, spec)
    result, facts = trained(Start(job, splits, tokenizer, rows, ready, planner))
    job, spec = planner.job, planner.spec  # probe steps may have changed them
    if result.status == "stopped":
        return "stopped"
    own = training_facts(job, result, facts)
    gc.collect()  # what is measured is loaded from disk
    machine.give_back_memory()
    held = Held(job, spec, folder, tokenizer, faults.of(job.path).measured(splits), lent)
    found = measure(held, result.learned)
    write_results(job, found | own | compared(planner, own["training"]))
    return "done"


def train_beside(job: Job) -> None:
    """Train along with the first process of a run, which plans, records, measures and saves."""
    job = replace(job, spec=processes.agreed(lambda: job.spec))  # fitted to the budget
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    rows = tokens(job, splits, tokenizer, spec)
    train_one(Start(job, splits, tokenizer, rows, partial(_fresh, folder, spec)))


def _fresh(folder: Path, spec: FinetuneSpec, n_labels: int | None) -> Model:
    """Return a base model from disk, ready to learn."""
    return training.add_adapter(training.load_model(folder, spec), spec, n_labels=n_labels)


def training_facts(job: Job, result: "TrainResult", facts: "AdapterFacts") -> dict[str, Any]:
    """Return a training's part of metrics.json: its steps and the size of what learned."""
    return {"training": _steps(job, result), "adapter": _sizes(facts, result.learned)}


def _steps(job: Job, result: "TrainResult") -> dict[str, Any]:
    """Sum up the steps from the record, so that a resumed run counts all of them."""
    run = Run(job.path)
    steps = run.of("step")
    seconds = sum(step["seconds"] for step in steps)
    tokens = sum(step["n_tokens"] for step in steps)
    return {
        "steps": result.step,
        "max_steps": result.max_steps,
        "seconds": seconds,
        "tokens": tokens,
        "tokens_per_second": tokens / seconds if seconds else 0.0,
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
        "best_step": result.adapter_step,
        "best_eval_loss": result.eval_loss,
        "peak_bytes": max([machine.peak_bytes(), *(e["bytes"] for e in run.of("resources"))]),
        "packing": result.how.packing,
        "precision": result.how.precision,
    }


def _sizes(facts: "AdapterFacts", learned: Path) -> dict[str, int]:
    """Count what learned, and the bytes that it takes on disk."""
    size = sum(file.stat().st_size for file in learned.iterdir())
    return {"trainable": facts.trainable, "total": facts.total, "bytes": size}
