"""The job of measuring: several models on the same rows, one after another."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import data, evaluation, machine, report, training
from ..evaluation.kinds import Model, Tokenizer
from ..evaluation.subjects import Subject, finished, subjects_of
from ..files import write_json
from ..run import Run
from ..spec import EvaluateSpec, FinetuneSpec
from .job import Job, load_tokenizer, model_folder, write_environment
from .predictions import (
    baselines,
    comparisons,
    names_of,
    references_of,
    samples,
    write_predictions,
)

Evaluations = dict[str, dict[str, Any]]
"""What was measured of each model, by its name; the judged one is last."""


@dataclass(frozen=True)
class Rows:
    """The rows that all models are measured on."""

    examples: tuple[data.Example, ...]
    """The rows, rendered by the judged run's templates."""

    splits: data.Splits
    """The judged run's own rows; its task and labels hold."""

    split: str
    """Where the rows are from."""

    n_trained_on: int
    """Rows that the judged run was trained on."""

    max_length: int
    """Most tokens of a row, for all models as in the judged run's training."""


def evaluate(job: Job) -> str:
    """Rows, each model in turn, comparisons, report."""
    spec = job.spec
    assert isinstance(spec, EvaluateSpec)
    judged = Run(job.path.parents[1])  # not by name: a copied folder keeps its evaluations
    subjects = subjects_of(judged, spec.against)
    rows = _rows(job, judged, subjects)
    write_environment(job, rows.splits.fingerprint)
    try:
        found = {one.name: _measured(job, one, rows) for one in subjects}
    except StopIteration:
        return "stopped"
    write_predictions(job.path / "predictions.jsonl", rows.examples, found)
    write_json(job.path / "metrics.json", _metrics(spec, rows, found))
    report.write_report(Run(job.path))
    report.write_report(judged)
    return "done"


def _rows(job: Job, judged: Run, subjects: Sequence[Subject]) -> Rows:
    """Return the rows to measure on, after telling what is odd about them."""
    spec, settings = job.spec, finished(judged)
    assert isinstance(spec, EvaluateSpec)
    splits = data.load(settings)
    examples, split = splits.held_out, splits.held_out_split
    if spec.data or spec.split:
        unseen = data.load_unseen(settings, spec.data, spec.split, splits.labels)
        examples, split = unseen.examples, unseen.split
        job.notes(unseen.notes)
    examples = data.drawn(examples, spec.limit, spec.seed)
    known = data.trained_on(examples, splits.train)
    job.notes(_known_notes(subjects, settings, examples, known))
    return Rows(examples, splits, split, known, settings.max_length)


def _known_notes(
    subjects: Sequence[Subject],
    settings: FinetuneSpec,
    examples: Sequence[data.Example],
    known: int,
) -> list[str]:
    """Return a sentence for each model that has learned some of the rows."""
    counts = {subjects[-1].name: known}
    for one in subjects[:-1]:
        if one.learned is not None and one.spec != settings:
            counts[one.name] = data.trained_on(examples, data.load(one.spec).train)
    return [
        f"{name} was trained on {n} of these {len(examples)} rows, which flatters it."
        for name, n in counts.items()
        if n
    ]


def _measured(job: Job, subject: Subject, rows: Rows) -> dict[str, Any]:
    """Measure one model and let go of it."""
    spec = job.spec
    assert isinstance(spec, EvaluateSpec)
    name = f"evaluating {subject.name}"
    progress = _until_stopped(job, job.progress(name))
    progress(0, len(rows.examples))
    folder = model_folder(subject.spec.model, subject.spec.trust_remote_code, job)
    tokenizer = load_tokenizer(folder, subject.spec.trust_remote_code)
    model = _loaded(subject, folder)
    found = evaluation.evaluate(
        model,
        tokenizer,
        rows.examples,
        rows.splits,
        rows.max_length,
        progress,
        names=spec.metrics,
        answered=None,
        max_new_tokens=spec.max_new_tokens,
        temperature=spec.temperature,
        seed=spec.seed,
        prior_correction=_content_free(tokenizer, rows) if spec.prior_correction else None,
        outputs=_outputs(subject),
    ).as_dict()
    del model
    gc.collect()
    machine.give_back_memory()
    return found


def _loaded(subject: Subject, folder: Path) -> Model:
    """Return a base model in fp32, or a tuned one as its method has it."""
    if subject.learned is None:
        trusted = subject.spec.trust_remote_code
        return training.load_base(folder, trust_remote_code=trusted, encoder=subject.spec.embeds)
    return training.load_tuned(folder, subject.learned, subject.spec)


def _outputs(subject: Subject) -> tuple[str, ...]:
    """Return the labels in the order of the model's head; nothing where it has none."""
    if subject.learned is None or not subject.spec.head:
        return ()
    return training.read_labels(subject.learned)


def _content_free(tokenizer: Tokenizer, rows: Rows) -> list[int]:
    """Return the prompt whose labels' likelihoods are taken as what they are anyway."""
    return evaluation.content_free_prompt(tokenizer, rows.examples, rows.max_length)


def _until_stopped(job: Job, progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Return a progress function that ends the measuring at the first call after a stop."""

    def record(done: int, total: int) -> None:
        if job.should_stop():
            raise StopIteration
        progress(done, total)

    return record


def _metrics(spec: EvaluateSpec, rows: Rows, found: Evaluations) -> dict[str, Any]:
    """Return what metrics.json holds."""
    task, seed = rows.splits.task, spec.seed
    names, references = names_of(spec, task, rows.examples), references_of(rows.examples)
    return {
        "task": task,
        "run": list(found)[-1],
        "data": spec.data,
        "split": rows.split,
        "n": len(rows.examples),
        "n_trained_on": rows.n_trained_on,
        "labels": list(rows.splits.labels),
        "models": found,
        "comparisons": comparisons(names, found, references, seed=seed),
        "baselines": baselines(task, names, rows.examples, seed=seed),
        "samples": samples(names, rows.examples, found, seed=seed),
    }
