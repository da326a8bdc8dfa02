"""The teacher of a distillation, as its files describe it."""

from ...catalog import model_at_hand
from ...run import run_called
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
    run = run_called(name)
    spec = run.spec if run else None
    return spec.model if isinstance(spec, FinetuneSpec) else name
