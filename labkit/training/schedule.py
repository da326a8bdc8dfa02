"""How many steps a run takes, and its learning rate at each of them, before anything is loaded.

The schedules are those of Transformers, in closed form: a notebook can draw them without PyTorch.
"""

import math
from collections.abc import Callable

from ..spec import FinetuneSpec

EVAL_TOKENS = 2048
"""Tokens of an evaluation batch; without a backward pass that is less than a step needs."""

EVAL_TARGETS = 256
"""Target tokens of an evaluation batch, which bounds the logits."""

VALIDATIONS = 8
"""Validations of a run whose spec says no distance, about; fewer where they would take long."""

PASSES = 3
"""A row's time in a step, in forward passes; a validation takes one."""

CYCLES = 3
"""Falls of `cosine_with_restarts` where the spec names no number."""


def micro_batch(spec: FinetuneSpec) -> int:
    """Return the rows of one forward pass."""
    return spec.batch_size // spec.gradient_accumulation_steps


def steps_per_epoch(n_rows: int, spec: FinetuneSpec) -> int:
    """Return the optimizer steps of one pass; the last may have fewer rows than the others."""
    n_micro = math.ceil(n_rows / micro_batch(spec))
    return math.ceil(n_micro / spec.gradient_accumulation_steps)


def count_steps(n_rows: int, spec: FinetuneSpec) -> int:
    """Return the optimizer steps of a run."""
    if spec.max_steps is not None:
        return spec.max_steps
    return math.ceil(spec.num_train_epochs * steps_per_epoch(n_rows, spec))


def warmup_steps(steps: int, spec: FinetuneSpec) -> int:
    """Return the steps in which the learning rate rises; the last step is never one of them."""
    if spec.lr_scheduler_type == "constant":
        return 0
    return min(math.ceil(spec.warmup_ratio * steps), steps - 1)


def eval_steps(steps: int, n_validation: int, spec: FinetuneSpec) -> int:
    """Return the optimizer steps between two validations.

    Left out of the spec, a validation takes no longer than the training since the last one: a
    short run on few rows would else spend most of its time on validating.
    """
    as_long = math.ceil(n_validation / (PASSES * spec.batch_size))
    return spec.eval_steps or max(1, steps // VALIDATIONS, as_long)


def checkpoints_kept(spec: FinetuneSpec) -> int:
    """Return how many checkpoints lie on the disk at most: the newest and the best always do."""
    return max(spec.save_total_limit, 1 + spec.load_best_model_at_end)


def cycles(spec: FinetuneSpec) -> int:
    """Return how often the learning rate falls from its peak."""
    return spec.num_cycles or CYCLES


def learning_rates(steps: int, spec: FinetuneSpec) -> list[float]:
    """Return the learning rate of each optimizer step, `(steps,)`, the first step first."""
    shape = SHAPES[spec.lr_scheduler_type]
    rising = warmup_steps(steps, spec)
    falling = max(1, steps - rising)
    return [
        spec.learning_rate
        * (step / rising if step < rising else shape((step - rising) / falling, cycles(spec)))
        for step in range(steps)
    ]


def batch_sentence(spec: FinetuneSpec) -> str:
    """Return the rows of an optimizer step, and the passes they are computed in."""
    parts, rows = spec.gradient_accumulation_steps, micro_batch(spec)
    if parts == 1:
        return f"batch {spec.batch_size}"
    return f"batch {spec.batch_size} = {parts} micro-batches x {rows} row{'s' * (rows > 1)}"


def _linear(progress: float, _cycles: int) -> float:
    return 1 - progress


def _cosine(progress: float, _cycles: int) -> float:
    return (1 + math.cos(math.pi * progress)) / 2


def _restarts(progress: float, cycles: int) -> float:
    return (1 + math.cos(math.pi * (cycles * progress % 1))) / 2


def _constant(_progress: float, _cycles: int) -> float:
    return 1.0


SHAPES: dict[str, Callable[[float, int], float]] = {
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _restarts,
    "constant": _constant,
    "constant_with_warmup": _constant,
}
"""Share of the peak by the progress (0 to 1) after warm-up and the number of falls."""
