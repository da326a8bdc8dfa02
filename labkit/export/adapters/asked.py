"""What is asked for when adapters are put beside a base, and where it is worked on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from pathlib import Path
from time import perf_counter
from typing import Any

from ..child import call
from ..gates import Gates
from ..tuned import Tuned

STAGES = ("answer", "export", "quantize", "adapters", "measure")

N_BASE_ROWS = 8
"""Rows on which the base with nothing switched on is compared."""


@dataclass(frozen=True)
class Addition:
    """A run to put beside the base."""

    name: str
    """What it is switched on by."""

    tuned: Tuned
    """Base and adapter."""

    rows: Sequence[list[int]]
    """Held-out rows of the run, as token ids."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """What `labkit.json` says of it: run, task, prompt."""

    @property
    def learned(self) -> Path:
        """Its PEFT folder."""
        assert self.tuned.learned is not None
        return self.tuned.learned


@dataclass(frozen=True)
class Sharing:
    """What is asked for."""

    base: Path
    """Hugging Face folder, not quantised."""

    model: str
    """The base model as the user named it."""

    additions: Sequence[Addition]
    """Runs of this base."""

    precisions: Sequence[str]
    """Of "fp32", "int8", "int4"."""

    gates: Gates = field(default_factory=Gates)
    """How far a quantised base and what is switched on may be from PyTorch."""

    accept: bool = False
    """Keep what is beyond its gate."""

    @property
    def base_rows(self) -> list[list[int]]:
        """Rows for the base alone: some of each run's."""
        turns = chain.from_iterable(zip_longest(*(a.rows for a in self.additions)))
        return list(islice((row for row in turns if row), N_BASE_ROWS))


@dataclass
class Bench:
    """Where adapters are put beside a base, and who is told of it."""

    out: Path
    """The export's folder."""

    emit: Callable[..., None]
    """Receives events."""

    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took."""

    peaks: dict[str, int] = field(default_factory=dict)
    """Most memory each step held, bytes."""

    @property
    def folder(self) -> Path:
        """Intermediate files."""
        return self.out / "work"

    @property
    def log(self) -> Path:
        """Output of the steps."""
        return self.out / "export.log"

    def answers(self, name: str) -> Path:
        """Return where the answers of PyTorch are kept; of the base alone for ""."""
        return self.folder / "answers" / (f"with-{name}" if name else "base")

    def stage(self, name: str) -> None:
        """Tell observers which stage begins."""
        self.emit("stage", name=name, done=STAGES.index(name), total=len(STAGES))

    def call(self, name: str, step: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Do a step of this package in a child, as `module.function`; note what it took."""
        module, function = step.split(".")
        began = perf_counter()
        value, self.peaks[name] = call(f"adapters.{module}", function, log=self.log, **arguments)
        self.seconds[name] = perf_counter() - began
        return value
