"""What merging and optimising share: a tuned model and held-out rows to a checked folder."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import data, evaluation, export, report, runtime
from ..errors import RunError
from ..evaluation.answers import HEADROOM
from ..evaluation.kinds import Tokenizer
from ..files import read_json, write_json
from ..run import Run
from ..spec import FinetuneSpec
from .job import Job, opened, write_environment

N_LEARNED = 256
"""About how many training rows an export is given, to find int4 weights by."""

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
    rows = rows_to_check(tokenizer, folder, splits, settings.max_length, limit, tuned.metrics)
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
    tokenizer: Tokenizer,
    folder: Path,
    splits: data.Splits,
    max_length: int,
    limit: int | None,
    metrics: dict[str, Any],
) -> export.HeldOut:
    """Return the rows an export is checked on, as token ids, and what the run answered to them.

    Args:
        tokenizer: Of the base model.
        folder: Of the base model.
        splits: The run's rows.
        max_length: Most tokens of a row.
        limit: Most rows.
        metrics: The tuned run's, with its answers.
    """
    examples = splits.held_out[:limit]
    about: dict[str, Any] = {
        "task": splits.task,
        "text": export.text_rows(tokenizer),
        "learned": _some(splits.train, tokenizer, max_length),
        "is_chat": any(example.messages is not None for example in examples),
    }
    if splits.task != "classification":
        return _texts(tokenizer, folder, examples, max_length, metrics, about)
    rows = evaluation.label_rows(tokenizer, examples, splits.labels, max_length)
    return export.HeldOut(
        prompts=rows.prompts,
        completions=runtime.with_end(list(rows.completions.values()), rows.end),
        labels=list(rows.completions),
        references=rows.gold,
        recorded=_recorded(metrics, "predictions", "gold", rows.gold),
        **about,
    )


def _some(
    examples: Sequence[data.Example], tokenizer: Tokenizer, max_length: int
) -> list[list[int]]:
    """Return training rows spread over all, as token ids."""
    picked = examples[:: max(1, len(examples) // N_LEARNED)]
    tokens, _ = data.tokenize(picked, tokenizer, max_length=max_length)
    return [list(row.input_ids) for row in tokens]


def _texts(
    tokenizer: Tokenizer,
    folder: Path,
    examples: Sequence[data.Example],
    max_length: int,
    metrics: dict[str, Any],
    about: dict[str, Any],
) -> export.HeldOut:
    """Return rows that are answered with a text, as a fine-tuning's evaluation does."""
    tokens, _ = data.tokenize(examples, tokenizer, max_length=max_length)
    references = [example.completion for example in examples]
    n_answered = int(metrics.get("tuned", {}).get("n_answers") or len(tokens))
    longest = max((len(row.input_ids) - row.n_prompt for row in tokens[:n_answered]), default=1)
    return export.HeldOut(
        prompts=[row.input_ids[: row.n_prompt] for row in tokens],
        references=references,
        recorded=_recorded(metrics, "answers", "references", references),
        max_new_tokens=math.ceil(HEADROOM * longest),
        ends=_ends(tokenizer, folder),
        decode=lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
        **about,
    )


def _recorded(
    metrics: dict[str, Any], answers: str, references: str, wanted: Sequence[str]
) -> dict[str, list[str]]:
    """Return what base and tuned model answered, where the run has kept it for these rows."""
    models = {"base": metrics.get("base", {}), "adapter": metrics.get("tuned", {})}
    return {
        name: list(of[answers])
        for name, of in models.items()
        if answers in of and _same_start(of.get(references, ()), wanted)
    }


def _same_start(kept: Sequence[str], wanted: Sequence[str]) -> bool:
    n = min(len(kept), len(wanted))
    return n > 0 and list(kept[:n]) == list(wanted[:n])


def _ends(tokenizer: Tokenizer, folder: Path) -> list[int]:
    """Return the tokens that end an answer, the model's and the tokenizer's."""
    ends = read_json(folder / "generation_config.json").get("eos_token_id")
    listed = ends if isinstance(ends, list) else [ends]
    return sorted({end for end in (*listed, tokenizer.eos_token_id) if end is not None})
