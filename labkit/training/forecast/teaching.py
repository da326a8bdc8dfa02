"""The teacher of a distillation, as its files describe it."""

from ...catalog import model_at_hand
from ...run import Run, runs_folder
from ...spec import FinetuneSpec
from ..sketch import Sketch, sketch


def teacher_of(spec: FinetuneSpec) -> Sketch | None:
    """Return the model that a distillation learns from; None where it is not at hand."""
    if spec.teacher is None:
        return None
    folder = model_at_hand(_base_of(spec.teacher))
    return sketch(folder) if folder else None


def _base_of(name: str) -> str:
    """Return the base model of a run; any other name is that of a model."""
    if not (runs_folder() / name / "spec.yaml").is_file():
        return name
    spec = Run(name).spec
    return spec.model if isinstance(spec, FinetuneSpec) else name
