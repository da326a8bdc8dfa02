"""What one export works on: its rows, its folders, and what it has found so far."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .check import Parity
from .child import call

STAGES = ("merge", "export", "check", "quantize", "accuracy", "measure")
N_PARITY_ROWS, N_PARITY_TOKENS = 8, 64
Emit = Callable[..., None]


@dataclass(frozen=True)
class HeldOut:
    """Rows that the model did not learn from, as token ids."""

    prompts: Sequence[Sequence[int]]
    """One per row, up to where the completion starts."""

    completions: Sequence[Sequence[int]] = ()
    """One per label; empty where the task is not classification."""

    labels: Sequence[str] = ()
    """Names, in the order of `completions`."""

    gold: Sequence[str] = ()
    """The right label of each row."""

    torch_accuracy: float | None = None
    """Accuracy of the PyTorch model on the same rows, where it is known already."""


@dataclass
class Work:
    """Where things lie while one model is optimised, and what was found so far."""

    out: Path
    emit: Emit
    stages: tuple[str, ...]
    found: dict[str, Any] = field(default_factory=dict)
    done: int = 0

    @property
    def folder(self) -> Path:
        """Intermediate files, beside `out`."""
        return self.out.with_name(f"{self.out.name}.work")

    @property
    def log(self) -> Path:
        """Output of the steps that run as processes of their own."""
        return self.out.with_name(f"{self.out.name}.log")

    @property
    def answers(self) -> Path:
        """What the PyTorch model answers, as `check.Reference` saves it."""
        return self.folder / "reference"

    @property
    def merged(self) -> Path:
        """The model with its adapter in its weights."""
        return self.folder / "merged"

    @property
    def merged_answers(self) -> Path:
        """What that model answers before it is written."""
        return self.folder / "merged-reference"

    def call(self, name: str, step: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Do a step of `steps` in a child and note its peak memory under `name`."""
        value, peak = call("steps", step, log=self.log, **arguments)
        self.peak(name, peak)
        return value

    def tell(self, name: str, found: dict[str, Any]) -> Parity:
        """Note a comparison with kept answers under `name`, and tell it to observers."""
        self.found.setdefault("parity", {})[name] = found
        self.emit("parity", precision=name, **found)
        return Parity(**found)

    def stage(self, name: str) -> None:
        """Tell observers which stage begins."""
        self.emit("stage", name=name, done=self.done, total=len(self.stages))
        self.done += 1

    def peak(self, name: str, n_bytes: int) -> None:
        """Note the most memory a process of this step held."""
        self.found.setdefault("peak_bytes", {})[name] = n_bytes


def parity_rows(held_out: HeldOut, n_rows: int = N_PARITY_ROWS) -> list[list[int]]:
    """Return rows spread over the held-out ones, cut to a length whose logits fit in memory."""
    n_rows = min(n_rows, len(held_out.prompts))
    picked = np.linspace(0, len(held_out.prompts) - 1, n_rows).astype(int)
    return as_lists([held_out.prompts[i][-N_PARITY_TOKENS:] for i in picked])


def as_lists(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return token ids as JSON can hold them."""
    return [list(map(int, row)) for row in rows]


@contextmanager
def cleaned(work: Work, keep: bool) -> Iterator[None]:
    """Have an empty work folder inside, and none afterwards unless asked to keep it."""
    shutil.rmtree(work.folder, ignore_errors=True)
    work.folder.mkdir(parents=True)
    try:
        yield
    finally:
        if not keep:
            shutil.rmtree(work.folder, ignore_errors=True)
