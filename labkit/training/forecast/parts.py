"""The model of the work: what memory consists of while a run is at its largest, in bytes.

The few constants were fitted to runs of SmolLM2-135M on a processor; probe steps on the machine at
hand replace them.
"""

from collections.abc import Sequence

from ... import machine
from ...spec import FinetuneSpec
from .anatomy import Anatomy
from .calibration import Calibration
from .shapes import Pass

VALUE = 4
"""Bytes of a float32."""

PROGRAM = 500.0 * machine.MIB
"""Bytes of a process with PyTorch, Transformers and PEFT that has computed once."""

KEPT = {
    "full": 2.9, "qlora": 3.8, "dora": 9.0, "adapter": 2.7, "ia3": 2.7,
    "prompt_tuning": 2.2, "prefix_tuning": 2.2,
}  # fmt: skip
"""float32 values held in a pass for each value that a linear layer gives, by method; freed holes
of the heap included, which an adapter's small layers leave between what is kept."""

KEPT_ADAPTER = 4.1
"""The same for the other methods."""

RECOMPUTED = 0.45
"""Share of that with checkpointing: one layer's values at a time, and the holes they leave."""

LOGITS, TAUGHT = 3, 7
"""Copies of the logits: themselves, their logarithms, their gradient; a teacher's beside them, and
both once more divided by the temperature."""

STATE = {"adamw_torch_fused": 8, "adamw_torch": 8, "adafactor": 0.1, "sgd": 0}
"""Bytes that an optimizer keeps for each weight that learns."""

NAMES = ("program", "weights", "gradients", "optimizer", "activations", "logits")
"""What memory consists of, in the order in which it comes."""

SHARED = ("activations", "logits")
"""What several processes hold between them; of the rest each holds its own."""


def memory(
    body: Anatomy, spec: FinetuneSpec, largest: Sequence[Pass], measured: Calibration | None
) -> dict[str, float]:
    """Return what a run's memory consists of at its largest, bytes by `NAMES`.

    Args:
        body: Sizes of the model.
        spec: The settings.
        largest: The largest pass of training, and that of a validation, which keeps nothing.
        measured: What a pass costs here; None where nobody measured yet.
    """
    training, look = largest
    each = measured.token_bytes if measured else token_bytes(body, spec)
    kept, logits = each * training.tokens, logits_bytes(body, training.targets)
    passing = VALUE * look.tokens * body.outputs / body.blocks
    read = logits_bytes(body, look.targets * (not spec.head))
    if passing + read > kept + logits:
        kept, logits = passing, read
    program = measured.program if measured else PROGRAM
    values = (
        program,
        body.weight_bytes + VALUE * body.teacher,
        VALUE * body.trainable,
        STATE[spec.optim] * body.trainable,
        kept,
        logits,
    )
    found = {
        name: value * (1 if name in SHARED else spec.processes)
        for name, value in zip(NAMES, values, strict=True)
    }
    merging = _merging(body, spec, program, passing, read)
    return merging if sum(merging.values()) > sum(found.values()) else found


def _merging(
    body: Anatomy, spec: FinetuneSpec, program: float, passing: float, read: float
) -> dict[str, float]:
    """Return what memory consists of when a model in 4 bits is measured merged, in fp32."""
    if spec.method != "qlora" or spec.head:
        return {}
    weights = body.weight_bytes + VALUE * body.total
    return dict(zip(NAMES, (program, weights, 0.0, 0.0, passing, read), strict=True))


def token_bytes(body: Anatomy, spec: FinetuneSpec) -> float:
    """Return the bytes that a pass keeps for each token, logits apart, where nobody measured."""
    values = VALUE * KEPT.get(spec.method, KEPT_ADAPTER) * body.outputs
    share = RECOMPUTED if spec.gradient_checkpointing else 1.0
    return values * share * learning_share(body, spec)


def learning_share(body: Anatomy, spec: FinetuneSpec) -> float:
    """Return the share of the blocks that a backward pass goes through."""
    return min(1.0, (spec.last_layers or body.blocks) / body.blocks)


def logits_bytes(body: Anatomy, targets: float) -> float:
    """Return the bytes of the logits of so many targets, copies included."""
    return (TAUGHT if body.teacher else LOGITS) * VALUE * targets * body.vocabulary
