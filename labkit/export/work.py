"""What one export works on: its rows, its folders, and what it has found so far."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .child import call

STAGES = ("merge", "export", "check", "quantize", "accuracy", "measure")
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

    def call(self, name: str, step: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Do a step of `steps` in a child and note its peak memory under `name`."""
        value, peak = call("steps", step, log=self.log, **arguments)
        self.peak(name, peak)
        return value

    def stage(self, name: str) -> None:
        """Tell observers which stage begins."""
        self.emit("stage", name=name, done=self.done, total=len(self.stages))
        self.done += 1

    def peak(self, name: str, n_bytes: int) -> None:
        """Note the most memory a process of this step held."""
        self.found.setdefault("peak_bytes", {})[name] = n_bytes


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
