"""The learning-rate range test of Smith (2017, arXiv:1506.01186): which rates lower the loss?

The rate grows from step to step by the same factor while the model learns; nothing is kept of
what it learned.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..data import Tokens
from ..errors import RunFailed
from ..spec import FinetuneSpec
from .decide import Case, computing, decide, pad_token_of
from .own_loss import OwnLoss
from .pairs import sides
from .rates import HIGHEST, Found, judged, rate_at
from .ready import ready
from .special_loss import special_loss
from .surroundings import quiet, reproducible
from .trainer import PackedTrainer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

STEPS = 60
"""Optimizer steps of a test that does not end early: ten a decade."""

MEMORY = 0.8
"""Weight of what was before in the smoothed loss."""

EXPLODED = 4.0
"""The test ends where the smoothed loss is this many times the lowest."""


def find_lr(  # noqa: PLR0913 - as train
    model: torch.nn.Module,
    tokenizer: "PreTrainedTokenizerBase | None",
    rows: Sequence[Tokens],
    spec: FinetuneSpec,
    *,
    output_dir: Path,
    emit: Callable[..., None],
    should_stop: Callable[[], bool] = lambda: False,
    labels: Sequence[str] = (),
    own_loss: OwnLoss | None = None,
    teacher: torch.nn.Module | None = None,
) -> Found | None:
    """Let `model` learn at growing rates and return what its losses say; None where stopped.

    Args:
        model: As `train` takes it; it is spoilt afterwards.
        tokenizer: Gives the padding token; None pads with 0.
        rows: Rows to learn.
        spec: The settings; `learning_rate` and the schedule are not used.
        output_dir: The run's folder.
        emit: Called as `emit(kind, **values)`, kinds `note`, `precision`, `check`, `lr_probe`.
        should_stop: Asked after each step.
        labels: What a head tells apart.
        own_loss: As for `train`.
        teacher: As for `train`.

    Raises:
        RunFailed: The first loss is not finite.
    """
    tested = range_spec(spec)
    with quiet(), reproducible(spec.seed):
        tuned = ready(model, tested, rows, labels)
        case = Case(tuned, tested, sides(rows), emit, own_loss)
        how = decide(case, pad_token_of(tokenizer), Path(output_dir))
        with computing(tuned, how):
            trainer = RangeTrainer(
                tuned, tested, (rows, []), how=how, output_dir=Path(output_dir), emit=emit,
                loss_sum=special_loss(case, how, tested, teacher),
            )  # fmt: skip
            trainer.should_stop = should_stop
            trainer.train()
    return None if trainer.stopped else judged(trainer.rates, trainer.losses, trainer.exploded)


def range_spec(spec: FinetuneSpec) -> FinetuneSpec:
    """Return the spec of the test: its steps, and the highest rate without a schedule."""
    return replace(
        spec,
        learning_rate=HIGHEST,
        max_steps=min(spec.max_steps or STEPS, STEPS),
        lr_scheduler_type="constant",
        num_cycles=None,
    )


class RangeTrainer(PackedTrainer):
    """A trainer whose learning rate grows until the loss explodes; saves nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - those of the base
        super().__init__(*args, **kwargs)
        self.args.save_strategy = "no"
        self.should_stop: Callable[[], bool] = lambda: False
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.exploded = self.stopped = False
        self._smoothed = self._weight = 0.0
        self._lowest = math.inf

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Return the schedule that grows by the same factor at each step."""
        stepper = optimizer or self.optimizer
        assert stepper is not None
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            stepper,
            lambda step: rate_at(min(step, num_training_steps - 1), num_training_steps) / HIGHEST,
        )
        return self.lr_scheduler

    def told(self, logs: dict[str, float]) -> None:
        """Emit a probe, and end the test where the loss has exploded."""
        loss, step = logs["loss"], self.state.global_step
        if step == 1 and not math.isfinite(loss):
            raise RunFailed(
                f"The loss is not a finite number before the first step; got {loss}.",
                hint="Set precision to fp32.",
            )
        self._smoothed = MEMORY * self._smoothed + (1 - MEMORY) * loss
        self._weight = MEMORY * self._weight + (1 - MEMORY)
        smoothed = self._smoothed / self._weight  # as if it had begun with the first loss
        self._lowest = min(self._lowest, smoothed)
        self.rates.append(logs["learning_rate"])
        self.losses.append(loss)
        self.emit(
            "lr_probe", step=step, max_steps=self.state.max_steps, learning_rate=self.rates[-1],
            loss=loss, smoothed=smoothed,
        )  # fmt: skip
        self.exploded = not smoothed <= EXPLODED * self._lowest
        self.stopped = self.should_stop()
        self.control.should_training_stop |= self.exploded or self.stopped
