"""What of a model decides a run's memory and time, counted from the shapes of its weights."""

from dataclasses import dataclass, replace

from ...spec import FinetuneSpec
from ..sizes import trainable
from ..sketch import Sketch

FOUR_BIT = 0.5 + 0.016
"""Bytes of a weight in 4 bits, its share of the block's scale included."""


@dataclass(frozen=True)
class Anatomy:
    """Sizes of a model that is ready to learn."""

    trainable: int
    """Parameters that learn."""

    total: int
    """All parameters."""

    weight_bytes: float
    """Bytes of all weights in memory."""

    blocks: int
    """Layers in the usual sense."""

    outputs: int
    """Values that the linear layers of all blocks give for a token."""

    vocabulary: int
    """Logits of a target."""

    teacher: int = 0
    """Parameters of the model that a distillation learns from; 0 where there is none."""

    @property
    def alone(self) -> "Anatomy":
        """The same without the teacher."""
        return replace(self, teacher=0)


def anatomy(
    model: Sketch, spec: FinetuneSpec, n_labels: int = 0, teacher: Sketch | None = None
) -> Anatomy:
    """Return the sizes of a model under a method.

    Args:
        model: The base model.
        spec: The settings.
        n_labels: Outputs of a new head, where there is one.
        teacher: What a distillation learns from.

    Raises:
        SpecError: A setting names a layer that the model has not.
    """
    learns = trainable(model, spec, n_labels=n_labels)
    base = model.total
    linear, output = model.linear, model.output
    inner = {name: size for name, size in linear.items() if name != output}
    inside = sum(n_in * n_out for n_in, n_out in inner.values())
    whole = spec.method == "full"
    quarter = inside if spec.method == "qlora" else 0
    return Anatomy(
        trainable=learns,
        total=learns if whole else base + learns,
        weight_bytes=4 * (base - quarter) + FOUR_BIT * quarter + 4 * learns * (not whole),
        blocks=max(1, model.blocks),
        outputs=sum(n_out for _, n_out in inner.values()),
        vocabulary=n_labels or linear[output][1],
        teacher=teacher.total if teacher else 0,
    )
