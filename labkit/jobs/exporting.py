"""What merging and optimising share: a tuned model and held-out rows to a checked folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import data, evaluation, export, report
from ..errors import RunError
from ..evaluation.kinds import Tokenizer
from ..files import write_json
from ..run import Run
from ..spec import FinetuneSpec
from .job import Job, opened, write_environment

Work = Callable[[FinetuneSpec, Path, export.HeldOut, Callable[..., None]], dict[str, Any]]
"""Called with the tuned run's settings, its base model's folder, the rows to check on and whom to
tell; returns what metrics.json holds."""


def exported(job: Job, tuned: Run, limit: int | None, work: Work) -> str:
    """Do the work on a tuned run, checked on at most `limit` of its held-out rows; record it."""
    settings = tuned.spec
    if not isinstance(settings, FinetuneSpec):
        raise RunError(f"{tuned.name} is no fine-tuning.", hint="Name a run of %%finetune.")
    splits, folder, tokenizer = opened(job, settings)
    write_environment(job, splits.fingerprint)
    job.notes(about_base(settings))
    rows = rows_to_check(tokenizer, splits.held_out[:limit], splits, settings.max_length)
    try:
        found = work(settings, folder, rows, until_stopped(job))
    except StopIteration:
        return "stopped"
    write_json(job.path / "metrics.json", found)
    report.write_report(tuned)
    return "done"


def about_base(settings: FinetuneSpec) -> list[str]:
    """Return what merging changes about a run whose base was kept in 4 bits."""
    if settings.method != "qlora":
        return []
    return [
        "The adapter was trained on its base in 4 bits and is merged into the base in full: "
        "the difference is shown as merged."
    ]


def until_stopped(job: Job) -> Callable[..., None]:
    """Return a recorder of events that ends the export at the first one after a stop request."""

    def emit(kind: str, **values: object) -> None:
        if job.should_stop():
            raise StopIteration
        job.emit(kind, **values)

    return emit


def rows_to_check(
    tokenizer: Tokenizer, examples: Sequence[data.Example], splits: data.Splits, max_length: int
) -> export.HeldOut:
    """Return the rows an export is checked on, as token ids."""
    if splits.task != "classification":
        tokens, _ = data.tokenize(examples, tokenizer, max_length=max_length)
        return export.HeldOut(prompts=[row.input_ids[: row.n_prompt] for row in tokens])
    rows = evaluation.label_rows(tokenizer, examples, splits.labels, max_length)
    return export.HeldOut(
        prompts=rows.prompts,
        completions=list(rows.completions.values()),
        labels=list(rows.completions),
        gold=rows.gold,
    )
