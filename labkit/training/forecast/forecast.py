"""What a run will need: memory, time, disk, each with how far it may be off."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ... import machine
from ...data import Tokens
from ...spec import FinetuneSpec
from ..schedule import checkpoints_kept, count_steps
from ..sketch import Sketch, sketch
from .anatomy import Anatomy, anatomy
from .calibration import Calibration, alike, is_alike, known
from .duration import STATE_BYTES, duration, scaled
from .parts import memory, token_bytes
from .shapes import Rows, looked_at, passes
from .teaching import teacher_of

OFF = {"measured": (0.12, 0.25), "like": (0.2, 0.4), "counted": (0.3, 0.5)}
"""How far memory and time may be off (shares), by where the constants come from."""


@dataclass(frozen=True)
class Estimate:
    """A number that is not known exactly."""

    value: float
    low: float
    high: float

    @classmethod
    def within(cls, value: float, share: float) -> "Estimate":
        """Return a value that may be off by a share of itself."""
        return cls(value, value * (1 - share), value * (1 + share))


@dataclass(frozen=True)
class Case:
    """What a forecast is made of."""

    spec: FinetuneSpec
    rows: Rows
    model: Sketch
    n_labels: int = 0
    """Outputs of a new head, where there is one."""

    teacher: Sketch | None = None
    """What a distillation learns from."""

    measured: Calibration | None = None
    """What a pass costs here; None where nobody measured yet."""

    measured_on: FinetuneSpec | None = None
    """The settings that it was measured with."""

    @classmethod
    def known(
        cls,
        spec: FinetuneSpec,
        tokens: Mapping[str, Sequence[Tokens]],
        folder: Path,
        n_labels: int = 0,
    ) -> "Case | None":
        """Return the case of a run with what was measured here before, None for a strange model.

        What a model is made of is read from its files; those of some do not say it.

        Args:
            spec: The settings.
            tokens: The rows of each split.
            folder: The model.
            n_labels: Outputs of a new head, where there is one.
        """
        model = sketch(folder)
        if model is None:
            return None
        case = cls(spec, Rows.of(tokens), model, n_labels, teacher_of(spec))
        for other in alike(spec):
            if measured := known(other):
                return replace(case, spec=other, measured=measured, measured_on=other).of(spec)
        return case

    @property
    def body(self) -> Anatomy:
        """Sizes of the model."""
        return anatomy(self.model, self.spec, self.n_labels, self.teacher)

    @property
    def source(self) -> str:
        """Where the constants come from: `measured` with such settings, `like` them, `counted`."""
        if self.measured is None or self.measured_on is None:
            return "counted"
        mean, _ = passes(self.rows, self.spec)
        if self.measured.says_little_of(mean.tokens) or not is_alike(self.measured_on, self.spec):
            return "like"
        return "measured"

    def of(self, spec: FinetuneSpec) -> "Case":
        """Return the case of other settings on the same rows, constants scaled to them."""
        other = replace(self, spec=spec, rows=self.rows.cut(spec.max_length))
        if measured := known(spec):
            return replace(other, measured=measured, measured_on=spec)
        if self.measured is None or is_alike(spec, self.spec):
            return other
        return replace(other, measured=_carried(self, other))


@dataclass(frozen=True)
class Forecast:
    """What a run will need."""

    memory: Estimate
    """Largest memory of the process tree, bytes."""

    parts: Mapping[str, float]
    """What that consists of, bytes by name."""

    limit: int
    """Bytes that this machine or its cgroup gives."""

    training: Estimate | None
    """Seconds of all steps; None before anything was measured here."""

    seconds: Estimate | None
    """Seconds from start to end, validations and the final comparison included."""

    disk: float
    """Bytes of checkpoints and of what is saved."""

    tokens_per_step: float
    """Tokens that the layers see in an optimizer step."""

    trainable: int
    total: int
    max_steps: int
    source: str
    """Where the constants come from: `measured` with such settings, `like` them, or `counted`."""

    @property
    def fits(self) -> bool:
        """Whether memory will suffice even where the forecast is too low."""
        return self.memory.high <= self.limit

    @property
    def cannot_fit(self) -> bool:
        """Whether memory will not suffice even where the forecast is too high."""
        return self.memory.low > self.limit

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Forecast":
        """Return a forecast from the JSON values that were made of one."""
        spans = {
            name: Estimate(**values[name]) if values[name] else None
            for name in ("memory", "training", "seconds")
        }
        named = {name: values[name] for name in cls.__dataclass_fields__}
        return cls(**{**named, **spans})


def forecast(case: Case) -> Forecast:
    """Return what a run will need."""
    spec, body, measured = case.spec, case.body, case.measured
    mean, largest = passes(case.rows, spec)
    off_memory, off_time = OFF[case.source]
    parts = memory(body, spec, (largest, looked_at(case.rows)), measured)
    time = duration(body, spec, case.rows, mean, measured) if measured else None
    return Forecast(
        memory=Estimate.within(sum(parts.values()), off_memory),
        parts=parts,
        limit=machine.memory_limit(),
        training=Estimate.within(time.training, off_time) if time else None,
        seconds=Estimate.within(time.training + time.other, off_time) if time else None,
        disk=(checkpoints_kept(spec) * STATE_BYTES + 4) * body.trainable,
        tokens_per_step=mean.tokens * spec.gradient_accumulation_steps,
        trainable=body.trainable,
        total=body.total,
        max_steps=count_steps(len(case.rows.train), spec),
        source=case.source,
    )


def steps_within(case: Case, seconds: float) -> int:
    """Return the most steps of a run that ends within so many seconds; 0 where none does."""
    most = count_steps(len(case.rows.train), case.spec)

    def takes(steps: int) -> float:
        found = forecast(case.of(replace(case.spec, max_steps=steps))).seconds
        return found.value if found else 0.0

    return bisect_right(range(1, most + 1), seconds, key=takes)


def _carried(case: Case, other: Case) -> Calibration:
    """Return what was measured for one case, scaled to another by the model of the work."""
    assert case.measured
    per_pass, per_token = scaled(case.measured, case.body, case.spec, other.spec)
    ratio = token_bytes(other.body, other.spec) / token_bytes(case.body, case.spec)
    return replace(
        case.measured,
        pass_seconds=per_pass,
        token_seconds=per_token,
        token_bytes=case.measured.token_bytes * ratio,
    )
