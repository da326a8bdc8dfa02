"""The time of a step, taken the same way from every trainer."""

import time
from dataclasses import dataclass, field
from typing import Any

from transformers import TrainerCallback


@dataclass(frozen=True)
class Lap:
    """Some steps of one configuration."""

    seconds: float
    """Wall time of a step: batch, forward, backward, clipping and optimizer."""

    cpu: float
    """The same in processor seconds."""

    losses: list[float]
    """Loss of each step, nats per target token."""


@dataclass
class Clock(TrainerCallback):
    """Time from the start of the loop to the end of its last step."""

    tells: bool = False
    """Whether to say when the loop begins: who stops a child that crawls wants to know."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock: set-up is over, and the first batch is not made yet."""
        if self.tells:
            print(f"begin {time.monotonic()}", flush=True)
        self._note()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self._note()

    def _note(self) -> None:
        self.wall.append(time.perf_counter())
        self.cpu.append(time.process_time())

    def lap(self, losses: list[float]) -> Lap:
        """Return the mean step."""
        n = len(self.wall) - 1
        return Lap((self.wall[-1] - self.wall[0]) / n, (self.cpu[-1] - self.cpu[0]) / n, losses)
