"""The job of putting several adapters beside one exported base model."""

from collections.abc import Sequence

from .. import export
from ..errors import RunError
from ..export.adapters import Addition, Sharing, share
from ..files import write_json
from ..run import Run
from ..runtime import prompt_section
from ..spec import FinetuneSpec, OptimizeSpec
from .cards import write_cards
from .exporting import rows_to_check, until_stopped
from .job import Job, model_folder, opened, write_environment
from .optimize import request_of


def adapters(job: Job) -> str:
    """Export the base where it is missing, then convert, check and measure each adapter."""
    spec = job.spec
    assert isinstance(spec, OptimizeSpec)
    found = [_addition(job, Run(name), spec.limit) for name in spec.adapters or ()]
    write_environment(job, "+".join(fingerprint for _, fingerprint in found))
    additions = [addition for addition, _ in found]
    trusts = any(addition.tuned.spec.trust_remote_code for addition in additions)
    asked = Sharing(
        base=model_folder(spec.run, trusts, job),
        model=spec.run,
        additions=additions,
        precisions=spec.precision,
        gates=request_of(spec).gates,
        accept=spec.accept,
        seed=spec.seed,
    )
    try:
        write_json(job.path / "metrics.json", share(asked, job.path, emit=until_stopped(job)))
    except StopIteration:
        return "stopped"
    write_cards(Run(job.path))
    return "done"


def _addition(job: Job, tuned: Run, limit: int | None) -> tuple[Addition, str]:
    """Return what one run adds, and the fingerprint of its rows."""
    settings = tuned.spec
    if not isinstance(settings, FinetuneSpec):
        raise RunError(f"{tuned.name} is no fine-tuning.", hint="Name a run of %%finetune.")
    job.notes(_about(tuned.name, settings))
    splits, folder, tokenizer = opened(job, settings)
    rows = rows_to_check(tokenizer, folder, splits, settings.max_length, limit, tuned.metrics)
    facts = {
        "run": tuned.name,
        "task": splits.task,
        "labels": list(splits.labels),
        "prompt": prompt_section(settings, chat=rows.is_chat),
    }
    parts = export.Tuned(folder, tuned.learned, settings)
    return Addition(tuned.path.name, parts, rows, facts), splits.fingerprint


def _about(name: str, settings: FinetuneSpec) -> Sequence[str]:
    """Return what switching changes about a run whose base was kept in 4 bits."""
    if settings.method != "qlora":
        return []
    return [
        f"{name} was trained on its base in 4 bits and is switched on beside the base in full; "
        "it is compared with PEFT's on that base."
    ]
