"""The job of merging: base model and adapter to one model, shown to answer the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import export
from ..run import Run
from ..spec import FinetuneSpec, MergeSpec
from .exporting import exported
from .job import Job


def merge(job: Job) -> str:
    """Merge, write, read back, compare."""
    spec = job.spec
    assert isinstance(spec, MergeSpec)
    tuned = Run(job.path.parent)  # not by name: a copied folder keeps its merged model

    def work(
        settings: FinetuneSpec, folder: Path, rows: export.HeldOut, emit: Callable[..., None]
    ) -> dict[str, Any]:
        parts = export.Tuned(folder, tuned.learned, settings)
        return export.merge(parts, job.path / "model", held_out=rows, emit=emit)

    return exported(job, tuned, spec.limit, work)
