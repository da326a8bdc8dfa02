"""Who is measured on the same rows, what is measured, and whether comparing makes sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..catalog.entries import data_entry
from ..data.layouts import template_layout
from ..data.templates import Template
from ..errors import RunError, SpecError, listed, near
from ..run import TUNED, Run
from ..spec import FinetuneSpec

BASE = "base"
"""The name under which the base model of a run is measured."""

MERGED = "merged"
"""The name under which a run's merged model is measured."""

LABELS = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "ece")
TEXTS = ("exact_match", "bleu", "chrf", "rouge1", "rouge2", "rougeL", "length_ratio", "perplexity")
FIELDS = ("valid_json", "field_precision", "field_recall", "field_f1", "entity_f1")

FITTING = {
    "classification": LABELS,
    "generation": TEXTS,
    "extraction": (*FIELDS, *TEXTS),
    "summarisation": TEXTS,
    "retrieval": ("retrieval_accuracy",),
}
"""Metrics that can be asked for, by task."""


@dataclass(frozen=True)
class Subject:
    """A model that is measured: a base, and what a run taught it."""

    name: str
    """What it is called in the report."""

    spec: FinetuneSpec
    """How its base is loaded, and which method taught it."""

    learned: Path | None
    """Folder of what was learned; None for the base alone."""


def subjects_of(run: Run, against: Sequence[str]) -> list[Subject]:
    """Return the models to measure on the rows of `run`, which is the last of them.

    Args:
        run: The run that is judged.
        against: `base`, `merged`, and names of other runs.

    Raises:
        RunError: A run has learned nothing, or cannot be compared with the judged one.
        SpecError: Two of them have one name.
    """
    judged = finished(run)
    found = [_subject(run, name) for name in against]
    found.append(Subject(run.path.name, judged, run.learned))
    names = [subject.name for subject in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SpecError(
            f"against must name every model once; {twice!r} is there twice.",
            hint="Leave one of them out; a run itself is measured anyway.",
        )
    return found


def finished(run: Run) -> FinetuneSpec:
    """Return the settings of a fine-tuning that has learned something; refuse other runs."""
    spec = run.spec
    if not isinstance(spec, FinetuneSpec) or run.job not in TUNED:
        raise RunError(
            f"The run {run.name!r} is no fine-tuning but a run of {run.job}.",
            hint="Name a run of %%finetune; %runs lists them.",
        )
    if "task" not in run.metrics:
        raise RunError(
            f"The run {run.name!r} has no tuned model to measure; it is {run.status}.",
            hint=f"Finish it first: %finetune --resume {run.name}.",
        )
    return spec


def check_metrics(names: Sequence[str], task: str) -> None:
    """Refuse a metric that does not fit the task, and name those that do."""
    known = FITTING[task]
    for name in names:
        if name not in known:
            raise SpecError(
                f"metrics must fit the task {task}; got {name!r}.",
                hint=near(name, known, f"Those that do: {', '.join(known)}."),
            )


def _subject(run: Run, name: str) -> Subject:
    if name == BASE:
        return Subject(BASE, finished(run), None)
    return _merged(run) if name == MERGED else _other(run, Run(name))


def _merged(run: Run) -> Subject:
    folder = run.path / "merged" / "model"
    if folder.is_dir():
        return Subject(MERGED, FinetuneSpec(model=str(folder)), None)
    raise RunError(
        f"The run {run.name!r} has no merged model.", hint=f"Make it first: %merge {run.name}."
    )


def _other(run: Run, other: Run) -> Subject:
    """Return another run as a subject, if the judged run's rows mean the same to it."""
    spec, judged = finished(other), finished(run)
    for what in ("task", "labels"):
        mine, theirs = (_known(one.metrics.get(what)) for one in (run, other))
        if mine != theirs:
            raise _refusal(run, other, what, listed(mine, "and"), listed(theirs, "and"))
    if templates(spec) != templates(judged):
        raise _refusal(run, other, "template", *map(_written, (judged, spec)))
    return Subject(other.path.name, spec, other.learned)


def templates(spec: FinetuneSpec) -> tuple[Template, Template] | None:
    """Return the templates that a run's rows were written with; None for columns or a chat."""
    entry = data_entry(spec.data)
    layout = template_layout(spec, entry.text_template if entry else None)
    return (layout.prompt, layout.completion) if layout else None


def _refusal(run: Run, other: Run, what: str, mine: str, theirs: str) -> RunError:
    return RunError(
        f"{run.name!r} and {other.name!r} cannot be compared on the same rows: the {what} of the "
        f"first is {mine}, of the second {theirs}.",
        hint=f"Leave {other.name} out of against, or train it with the same {what}.",
    )


def _known(value: str | list[str] | None) -> list[str]:
    """Return a run's task, or its labels in an order that is the same for all runs."""
    return sorted([value] if isinstance(value, str) else value or ["none"])


def _written(spec: FinetuneSpec) -> str:
    """Return a run's templates as text, for a sentence."""
    found = templates(spec)
    pieces = [piece for part in found or () for piece in part]
    texts = [text + (f"{{{column}}}" if column else "") for text, column in pieces]
    return repr("".join(texts)) if texts else "that of its columns"
