"""The model of the work: how long a run takes, in seconds, from what a pass takes here."""

from dataclasses import dataclass

from ...spec import FinetuneSpec
from ..schedule import count_steps, eval_steps
from .anatomy import Anatomy
from .calibration import Calibration
from .parts import learning_share
from .shapes import Pass, Rows

BACKWARD = {"full": 2.0}
"""Time of a backward pass in forward passes, by method."""

BACKWARD_ADAPTER = 1.3
"""The same where most weights are frozen."""

UPDATE = 2.5e-9
"""Seconds of an optimizer's step for each weight that learns."""

FIRST = 1.7e-8
"""Seconds that the first of these steps takes longer, for each weight: its state is laid out."""

CHECKPOINT = 2e-9
"""Seconds of writing a byte of a checkpoint and of waiting for the disk."""

START = 5.0
"""Seconds of imports, loading the model and the self-check."""

MODELS = 2
"""Models measured after training: the base and the tuned one."""

LOADING = 2.0
"""Seconds of loading one of them."""

STATE_BYTES = 12
"""Bytes of a checkpoint for each weight that learns, the optimizer's included."""


@dataclass(frozen=True)
class Duration:
    """Seconds of a run."""

    step: float
    """One optimizer step."""

    training: float
    """All steps."""

    other: float
    """Start, validations, checkpoints and the comparison of base and tuned model."""


def duration(
    body: Anatomy, spec: FinetuneSpec, rows: Rows, mean: Pass, measured: Calibration
) -> Duration:
    """Return how long a run takes."""
    steps, parts = count_steps(len(rows.train), spec), spec.gradient_accumulation_steps
    each = measured.pass_seconds + measured.token_seconds * mean.tokens
    forward = measured.token_seconds / passes_of(body, spec)
    beside = spec.learns_pairs + body.teacher / body.total  # the reference's pass, the teacher's
    each += forward * mean.tokens * beside
    step = parts * each + UPDATE * body.trainable
    validations = -(-steps // eval_steps(steps, len(rows.validation), spec))
    saved = STATE_BYTES * body.trainable * CHECKPOINT
    look = forward * (1 + beside) * sum(rows.validation) + saved
    final = MODELS * (LOADING + forward * sum(rows.held_out))
    training = step * steps + FIRST * body.trainable
    return Duration(step, training, START + validations * look + final)


def passes_of(body: Anatomy, spec: FinetuneSpec) -> float:
    """Return the time of a forward and backward pass, in forward passes."""
    back = BACKWARD.get(spec.method, BACKWARD_ADAPTER) * learning_share(body, spec)
    return 1 + back + spec.gradient_checkpointing


def scaled(
    measured: Calibration, body: Anatomy, spec: FinetuneSpec, other: FinetuneSpec
) -> tuple[float, float]:
    """Return seconds of a pass and of a token under `other`, from those measured under `spec`."""
    ratio = passes_of(body, other) / passes_of(body, spec)
    return measured.pass_seconds * ratio, measured.token_seconds * ratio
