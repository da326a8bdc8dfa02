"""The trials of a search as their folders tell: runs of their own, read by everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..recorder import Event
from ..run import Run
from ..spec import FinetuneSpec, SweepSpec

TRIALS = "trials"
"""Folder of the trials inside a search, each in a folder with its number."""

BASELINE = "default"
"""Folder of the fine-tuning whose searched settings have their defaults."""

State = Literal["waiting", "running", "done", "pruned", "stopped", "failed"]


@dataclass(frozen=True)
class Trial:
    """One fine-tuning of a search."""

    number: int | None
    """Its number in the study, from 0; None for the default."""

    run: Run
    """Its record."""

    drawn: Mapping[str, Any]
    """The searched settings; None for one that its method does not take."""

    state: State

    value: float | None
    """What it is judged by; None before its end, and where it failed or was given up."""

    @property
    def name(self) -> str:
        """What a table calls it."""
        return BASELINE if self.number is None else str(self.number)

    @property
    def settings(self) -> FinetuneSpec:
        """All its settings."""
        spec = self.run.spec
        assert isinstance(spec, FinetuneSpec)
        return spec

    @property
    def losses(self) -> list[Event]:
        """Its validations so far."""
        return self.run.of("eval")

    @property
    def lowest(self) -> float | None:
        """The lowest validation loss so far, in nats per token."""
        return min((float(event["eval_loss"]) for event in self.losses), default=None)

    @property
    def seconds(self) -> float:
        """Seconds from its first start to what was recorded last."""
        starts = self.run.of("start")
        return float(self.run.events()[-1]["time"] - starts[0]["time"]) if starts else 0.0


def root_of(run: Run) -> Run:
    """Return the search of a run that works on it; a search is its own."""
    return Run(run.path.parents[1]) if run.job == "join" else run


def searched(run: Run) -> SweepSpec:
    """Return the settings of a search."""
    spec = run.spec
    assert isinstance(spec, SweepSpec)
    return spec


def trials_of(run: Run) -> list[Trial]:
    """Return the trials of a search that have a record, the default first, then by number."""
    names = list(searched(run).space)
    found = [run.path / BASELINE, *sorted((run.path / TRIALS).glob("[0-9]*"))]
    return [_read(Run(path), names) for path in found if is_recorded(path)]


def is_recorded(path: Path) -> bool:
    """Tell whether a trial's folder is complete enough to be read."""
    return (path / "spec.yaml").is_file() and (path / "events.jsonl").is_file()


def is_better(spec: SweepSpec, value: float, other: float) -> bool:
    """Tell whether a trial with `value` is better than one with `other`."""
    return value > other if is_higher_better(spec) else value < other


def is_higher_better(spec: SweepSpec) -> bool:
    """Tell whether trials with a larger value are better: not of losses."""
    return spec.metric_for_best_model not in ("eval_loss", "perplexity", "ece")


def best_of(spec: SweepSpec, trials: Sequence[Trial]) -> Trial | None:
    """Return the best trial that came to its end, the earlier of two equal ones, or None."""
    best: Trial | None = None
    for trial in trials:
        if trial.number is None or trial.value is None:
            continue
        if best is None or is_better(spec, trial.value, float(best.value or 0.0)):
            best = trial
    return best


def _read(run: Run, names: Sequence[str]) -> Trial:
    spec = run.spec.as_dict()
    number = int(run.path.name) if run.path.name.isdigit() else None
    drawn = {name: spec[name] for name in names}
    state = _state(run)
    value = run.metrics.get("objective") if state == "done" else None
    return Trial(number, run, drawn, state, None if value is None else float(value))


def _state(run: Run) -> State:
    status, word = run.status, run.last("start", "end") or {}
    if status == "stopping":
        return "running"
    if status == "failed" and word["kind"] == "start":
        return "waiting"  # its process was killed; another goes on with it
    if status == "stopped" and word.get("pruned"):
        return "pruned"
    return status
