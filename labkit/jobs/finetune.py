"""The job of fine-tuning: rows, training, base beside tuned, report."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import catalog, data, evaluation, faults, machine, report, training
from ..evaluation.kinds import Model, Tokenizer
from ..files import write_json
from ..run import Run
from ..spec import FinetuneSpec
from ..training import processes
from ..training.schedule import batch_sentence
from .crew import crew
from .job import Job, opened, write_environment
from .learning import head_labels, own_loss, teacher, to_learn, tokens
from .measuring import Held, Lent, measure
from .planning import Planner, compared
from .received import tell_received

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
    result, facts = trained(job, splits, tokenizer, rows, ready, planner)
    job, spec = planner.job, planner.spec  # probe steps may have changed them
    if result.status == "stopped":
        return "stopped"
    own = training_facts(job, result, facts)
    gc.collect()  # what is measured is loaded from disk
    machine.give_back_memory()
    held = Held(job, spec, folder, tokenizer, faults.of(job.path).measured(splits), lent)
    found = measure(held, result.learned)
    write_json(job.path / "metrics.json", found | own | compared(planner, own["training"]))
    run = Run(job.path)
    report.write_card(run)
    report.write_report(run)
    return "done"


def train_beside(job: Job) -> None:
    """Train along with the first process of a run, which plans, records, measures and saves."""
    job = replace(job, spec=processes.agreed(lambda: job.spec))  # fitted to the budget
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    rows = tokens(job, splits, tokenizer, spec)
    _train(job, splits, tokenizer, rows, partial(_fresh, folder, spec), None)


def _fresh(folder: Path, spec: FinetuneSpec, n_labels: int | None) -> Model:
    """Return a base model from disk, ready to learn."""
    return training.add_adapter(training.load_model(folder, spec), spec, n_labels=n_labels)


def trained(
    job: Job,
    splits: data.Splits,
    tokenizer: Tokenizer,
    rows: dict[str, list[data.Tokens]],
    ready: Callable[[int | None], Model],
    planner: Planner | None = None,
) -> tuple["TrainResult", "AdapterFacts"]:
    """Train, and let go of the model; return what came of it and how much learned.

    Args:
        job: Its settings, and whom to tell.
        splits: The rows.
        tokenizer: Of the model.
        rows: The rows as tokens, by split.
        ready: Called with the outputs of a new head, if any; returns the model ready to learn.
        planner: Foresees the training once more when the model is ready; left out: nothing does.
    """
    assert isinstance(job.spec, FinetuneSpec)
    with crew(job, job.spec.processes):
        processes.agreed(lambda: job.spec)
        return _train(job, splits, tokenizer, rows, ready, planner)


def _train(
    job: Job,
    splits: data.Splits,
    tokenizer: Tokenizer,
    rows: dict[str, list[data.Tokens]],
    ready: Callable[[int | None], Model],
    planner: Planner | None,
) -> tuple["TrainResult", "AdapterFacts"]:
    """Train as one of the run's processes; see `trained`."""
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    labels = head_labels(spec, splits)
    learn, loss = to_learn(rows, splits, spec), own_loss(job, spec)
    fault, pad = faults.of(job.path), tokenizer.pad_token_id or 0
    learn = {name: fault.rows(part, pad) for name, part in learn.items()}
    tell_received(job, learn, tokenizer)
    model = ready(len(labels) or None)
    plan = training.plan(model, learn["train"], spec)
    job.emit("plan", batch=batch_sentence(spec), **asdict(plan))
    job.emit("stage", name="training", done=0, total=1)
    result = training.train(
        model,
        tokenizer,
        learn["train"],
        learn["validation"],
        spec,
        output_dir=job.path,
        emit=job.emit,
        should_stop=job.should_stop,
        on_evaluate=_sampler(job, splits, rows["validation"], tokenizer),
        resume=job.resume,
        labels=labels,
        own_loss=loss,
        teacher=teacher(job, spec, tokenizer),
        on_ready=_on_ready(fault, planner, spec, learn["train"]),
        change_batch=fault.batch,
    )
    return result, training.adapter_facts(model)


def _on_ready(
    fault: faults.Fault, planner: Planner | None, spec: FinetuneSpec, rows: Sequence[data.Tokens]
) -> Callable[[Model, Any], FinetuneSpec]:
    """Return what is done before the first step: the plan, and a fault where one was put in."""

    def on_ready(model: Model, how: Any) -> FinetuneSpec:  # noqa: ANN401 - training's, not imported
        planned = processes.agreed(lambda: planner.measure(model, how, rows) if planner else spec)
        return fault.ready(model, planned)

    return on_ready


def _sampler(
    job: Job, splits: data.Splits, rows: Sequence[data.Tokens], tokenizer: Tokenizer
) -> Callable[[Any, int], None]:
    """Return a function that lets the model answer a few validation rows and records them."""
    assert isinstance(job.spec, FinetuneSpec)
    n_samples = 0 if job.spec.embeds else job.spec.n_samples
    chosen = list(zip(splits.validation, rows, strict=True))[:n_samples]
    longest = max((len(row.input_ids) - row.n_prompt for _, row in chosen), default=1)

    prompts = [row.input_ids[: row.n_prompt] for _, row in chosen]

    def answered(model: Model) -> list[str]:
        if not training.has_head(model):
            return evaluation.generate(model, tokenizer, prompts, min(longest + 4, 64))
        return [splits.labels[i] for i in evaluation.head_scores(model, prompts).argmax(axis=1)]

    def sample(model: Model, step: int) -> None:
        for (example, _), answer in zip(chosen, answered(model) if chosen else (), strict=True):
            expected = example.completion.strip()
            job.emit(
                "sample", step=step, prompt=example.prompt, expected=expected, answer=answer.strip()
            )

    return sample


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
