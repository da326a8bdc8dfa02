"""The job of optimising: a tuned model to checked, measured ONNX folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import export, faults
from ..run import Run
from ..spec import FinetuneSpec, OptimizeSpec
from .cards import write_cards
from .exporting import exported
from .job import Job


def optimize(job: Job) -> str:
    """Climb the ladder: merge or take along the adapter, export, quantise, check, measure."""
    spec = job.spec
    assert isinstance(spec, OptimizeSpec)
    if spec.adapters:
        from .adapters import adapters

        return str(adapters(job))
    tuned = Run(job.path.parent)  # not by name: a copied folder keeps its exports
    fault = faults.of(job.path)

    def work(
        settings: FinetuneSpec, folder: Path, rows: export.HeldOut, emit: Callable[..., None]
    ) -> dict[str, Any]:
        parts = _parts(tuned, settings, folder)
        parts = parts if fault.exports_adapter else export.Tuned(folder, spec=settings)
        return export.climb(parts, job.path, request_of(spec), held_out=rows, emit=emit)

    status = exported(job, tuned, spec.limit, work)
    if status == "done":
        fault.exported(job.path)
        write_cards(Run(job.path), tuned)
    return status


def request_of(spec: OptimizeSpec) -> export.Request:
    """Return what a run's settings ask of the ladder."""
    asked = {"max_kl": spec.max_kl, "min_top1": spec.min_top1, "max_drop": spec.max_drop}
    return export.Request(
        precisions=spec.precision,
        target=spec.target,
        gates=export.Gates(**{name: limit for name, limit in asked.items() if limit is not None}),
        accept=spec.accept,
        int4=spec.int4,
        tune_seconds=spec.tune_seconds,
        seed=spec.seed,
    )


def _parts(tuned: Run, settings: FinetuneSpec, base: Path) -> export.Tuned:
    """Return what is exported: base and adapter, or the whole model of a full fine-tuning."""
    if settings.method == "full":
        return export.Tuned(tuned.learned, spec=settings)
    return export.Tuned(base, tuned.learned, settings)
