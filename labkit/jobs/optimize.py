"""The job of optimising: a tuned model to a checked, measured ONNX folder."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .. import data, evaluation, export, report
from ..errors import RunError
from ..evaluation.kinds import Tokenizer
from ..files import write_json
from ..run import Run
from ..spec import FinetuneSpec, OptimizeSpec
from .job import Job, load_tokenizer, model_folder, write_environment


def optimize(job: Job) -> str:
    """Merge or take along the adapter, export, quantise, check, measure."""
    spec = job.spec
    assert isinstance(spec, OptimizeSpec)
    tuned = Run(job.path.parents[1])  # not by name: a copied folder keeps its exports
    if not isinstance(tuned.spec, FinetuneSpec):
        raise RunError(f"{tuned.name} is no fine-tuning.", hint="Name a run of %%finetune.")
    settings = tuned.spec
    splits = data.load(settings)
    folder = model_folder(settings.model, settings.trust_remote_code, job)
    tokenizer = load_tokenizer(folder, settings.trust_remote_code)
    examples = splits.held_out[: spec.limit]
    write_environment(job, splits.fingerprint)
    job.notes(about_base(settings))
    held_out = rows_to_check(tokenizer, examples, splits, settings.max_length)
    if spec.limit is None and splits.labels:
        held_out = replace(held_out, torch_accuracy=tuned.metrics["tuned"]["accuracy"])
    try:
        found = export.optimize(
            _parts(tuned, settings, folder),
            job.path / "model",
            precision=spec.precision,
            held_out=held_out,
            emit=until_stopped(job),
        )
    except StopIteration:
        return "stopped"
    write_json(job.path / "metrics.json", found)
    report.write_report(tuned)
    return "done"


def _parts(tuned: Run, settings: FinetuneSpec, base: Path) -> export.Tuned:
    """Return what is exported: base and adapter, or the whole model of a full fine-tuning."""
    if settings.method == "full":
        return export.Tuned(tuned.learned, spec=settings)
    return export.Tuned(base, tuned.learned, settings)


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
