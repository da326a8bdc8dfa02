"""What is computed where the loss is not one of a row's own targets alone."""

from typing import TYPE_CHECKING

from ..spec import FinetuneSpec
from .arguments import How
from .batches import LossSum
from .contrastive import contrasting
from .decide import Case, tried
from .distillation import taught
from .preference import preferring

if TYPE_CHECKING:
    from torch import nn


def special_loss(
    case: Case, how: How, spec: FinetuneSpec, teacher: "nn.Module | None"
) -> LossSum | None:
    """Return a loss of one's own, tried; a teacher's; that of pairs; None for any other.

    Args:
        case: The model and its rows.
        how: How it computes.
        spec: The settings.
        teacher: What the loss `distillation` learns from.

    Raises:
        SpecError: What a loss of one's own gives is no loss.
    """
    found = tried(case, how) or taught(case.model, teacher, spec)
    return found or preferring(case.model, spec) or contrasting(spec)
