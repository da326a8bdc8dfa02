"""The job of merging: base model and adapter to one model, shown to answer the same."""

from .. import data, export, report
from ..errors import RunError
from ..files import write_json
from ..run import Run
from ..spec import FinetuneSpec, MergeSpec
from .job import Job, load_tokenizer, model_folder, write_environment
from .optimize import about_base, rows_to_check, until_stopped


def merge(job: Job) -> str:
    """Merge, write, read back, compare."""
    spec = job.spec
    assert isinstance(spec, MergeSpec)
    tuned = Run(job.path.parent)  # not by name: a copied folder keeps its merged model
    settings = tuned.spec
    if not isinstance(settings, FinetuneSpec):
        raise RunError(f"{tuned.name} is no fine-tuning.", hint="Name a run of %%finetune.")
    splits = data.load(settings)
    folder = model_folder(settings.model, settings.trust_remote_code, job)
    tokenizer = load_tokenizer(folder, settings.trust_remote_code)
    write_environment(job, splits.fingerprint)
    job.notes(about_base(settings))
    rows = rows_to_check(tokenizer, splits.held_out[: spec.limit], splits, settings.max_length)
    try:
        found = export.merge(
            export.Tuned(folder, tuned.learned, settings),
            job.path / "model",
            held_out=rows,
            emit=until_stopped(job),
        )
    except StopIteration:
        return "stopped"
    write_json(job.path / "metrics.json", found)
    report.write_report(tuned)
    return "done"
