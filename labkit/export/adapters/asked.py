"""What is asked for when adapters are put beside a base, and where it is worked on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from ..gates import Gates
from ..held_out import HeldOut, parity_rows
from ..kept import values_print
from ..tuned import Tuned
from ..work import Work
from .record import Kept, adapter_fingerprint

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

    held_out: HeldOut
    """Rows to compare on and, with references, to score answers on."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """What `labkit.json` says of it: run, task, prompt."""

    @property
    def learned(self) -> Path:
        """Its PEFT folder."""
        assert self.tuned.learned is not None
        return self.tuned.learned

    @property
    def rows(self) -> list[list[int]]:
        """The rows that are compared, as token ids."""
        return parity_rows(self.held_out)

    @property
    def known(self) -> list[str] | None:
        """What the run answered to the scored rows; a base in 4 bits answers otherwise."""
        return self.held_out.answered_by("adapter") if self.tuned.is_exact else None

    @property
    def weights(self) -> str:
        """Fingerprint of its weights."""
        return adapter_fingerprint(self.learned)

    @property
    def fingerprint(self) -> str:
        """Of its weights and rows."""
        return values_print(self.weights, self.rows, self.held_out.question())


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

    seed: int = 0
    """Seed of the bootstraps of metrics."""

    @property
    def base_rows(self) -> list[list[int]]:
        """Rows for the base alone: some of each run's."""
        turns = chain.from_iterable(zip_longest(*(a.rows for a in self.additions)))
        return list(islice((row for row in turns if row), N_BASE_ROWS))


@dataclass(frozen=True)
class Bench:
    """Where adapters are put beside a base: what was asked, and how far it is."""

    asked: Sharing

    out: Path
    """The export's folder."""

    fingerprint: str
    """Of the base's weights."""

    work: Work

    def kept(self, precision: str) -> Kept:
        """Return the folder of a precision: the one that is there, or the one to be made."""
        there = Kept(self.out / precision)
        return there if there.holds(self.fingerprint) else Kept(self.work.folder / precision)

    def is_new(self, kept: Kept) -> bool:
        """Whether a folder is one that is being made."""
        return kept.folder.parent == self.work.folder

    def answers(self, addition: Addition | None) -> Path:
        """Return where the answers of PyTorch are kept; of the base alone for None."""
        if addition is None:
            return self.work.answers / f"base-{values_print(self.asked.base_rows)}"
        return self.work.answers / f"with-{addition.name}-{addition.fingerprint}"

    def call(self, name: str, step: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Do a step of this package in a child, once."""
        return self.work.call(name, f"adapters.{step}", **arguments)
