"""The job of optimising: a tuned model to a checked, measured ONNX folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import export
from ..run import Run
from ..spec import FinetuneSpec, OptimizeSpec
from .exporting import exported
from .job import Job


def optimize(job: Job) -> str:
    """Merge or take along the adapter, export, quantise, check, measure."""
    spec = job.spec
    assert isinstance(spec, OptimizeSpec)
    tuned = Run(job.path.parents[1])  # not by name: a copied folder keeps its exports

    def work(
        settings: FinetuneSpec, folder: Path, rows: export.HeldOut, emit: Callable[..., None]
    ) -> dict[str, Any]:
        if spec.limit is None and rows.labels:
            rows = replace(rows, torch_accuracy=tuned.metrics["tuned"]["accuracy"])
        return export.optimize(
            _parts(tuned, settings, folder),
            job.path / "model",
            precision=spec.precision,
            held_out=rows,
            emit=emit,
        )

    return exported(job, tuned, spec.limit, work)


def _parts(tuned: Run, settings: FinetuneSpec, base: Path) -> export.Tuned:
    """Return what is exported: base and adapter, or the whole model of a full fine-tuning."""
    if settings.method == "full":
        return export.Tuned(tuned.learned, spec=settings)
    return export.Tuned(base, tuned.learned, settings)
