"""The rungs of an export as its record holds them: who was measured, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..run import Run
from . import words

ORDER = ("base", "adapter", "merged", "fp32", "int8", "int4")
"""Rungs from the model before training to the smallest."""

VERDICTS = {
    "reference": ("●", "reference"),
    "passed": ("✓", "passed"),
    "accepted": ("⚠", "accepted"),
    "refused": ("✗", "refused"),
}
"""Sign and word of each verdict."""


@dataclass(frozen=True)
class Ladder:
    """What an export knows so far."""

    rungs: Mapping[str, dict[str, Any]]
    """Each rung's record by its name, from the base to the smallest."""

    found: Mapping[str, Any] = field(default_factory=dict)
    """The whole of metrics.json; empty while the export is going."""

    @property
    def chosen(self) -> str | None:
        """The smallest rung that passed or was accepted."""
        name = self.found.get("chosen")
        return str(name) if name in self.rungs else None

    @property
    def torch(self) -> dict[str, Any]:
        """The rung that stands for PyTorch: as one model where it merges."""
        timed = [
            rung
            for name in ("merged", "adapter")
            if (rung := self.rungs.get(name, {})).get("latency")
        ]
        return timed[0] if timed else {}


def ladder_of(run: Run) -> Ladder:
    """Return what an export measured, from metrics.json or the events that will become it."""
    found = run.metrics
    rungs: dict[str, dict[str, Any]] = dict(found.get("rungs") or {})
    if not rungs:
        for event in run.of("rung"):
            values = {key: event[key] for key in event if key not in ("time", "kind", "name")}
            rungs[str(event["name"])] = rungs.get(str(event["name"]), {}) | values
    ordered = sorted(rungs, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return Ladder({name: rungs[name] for name in ordered}, found)


def verdict(rung: Mapping[str, Any]) -> str:
    """Return the verdict on a rung as sign and word; an open one as an ellipsis."""
    return "\u00a0".join(VERDICTS.get(state(rung), ("…",)))


def state(rung: Mapping[str, Any]) -> str:
    """Return the verdict's key; what runs in PyTorch is what the others are held against."""
    return "reference" if rung.get("engine") == "torch" else str(rung.get("verdict"))


def kept_models(run: Run) -> tuple[str, ...]:
    """Return the rungs of an export that may be used and lie in a folder of their own."""
    return tuple(
        name
        for name, rung in ladder_of(run).rungs.items()
        if state(rung) in ("passed", "accepted") and (run.path / name).is_dir()
    )


def times_faster(of: Ladder, name: str) -> float | None:
    """Return how many tokens a rung decodes in the time PyTorch takes for one."""
    ours = words.number(of.rungs[name].get("latency", {}).get("token_seconds"))
    theirs = words.number(of.torch.get("latency", {}).get("token_seconds"))
    return theirs / ours if ours > 0 and theirs > 0 else None


def metric_of(rung: Mapping[str, Any]) -> str:
    """Return the value of the task's metric with its interval."""
    from .figures import Figure, cell

    found = rung.get("metric") or {}
    if found.get("value") is None:
        return "–"
    return cell(str(found.get("name")), Figure(found["value"], found.get("interval")))


def metric_title(of: Ladder) -> str:
    """Return what the task's metric is called, or nothing where none was measured."""
    from .figures import title

    names = [found["name"] for rung in of.rungs.values() if (found := rung.get("metric"))]
    return title(str(names[0])) if names else ""


def apart(rung: Mapping[str, Any], key: str, rows: str = "held_out") -> str:
    """Return how far a rung is from the tuned model by one measure, as a reader reads it."""
    found = rung.get(rows) or {}
    if key == "first_difference":
        return _alike(found)
    if found.get(key) is None:
        return "–"
    shown = words.value_of(key, found[key])
    return f"× {words.number(found[key]):.3f}" if key == "perplexity_ratio" else shown


def _alike(found: Mapping[str, Any]) -> str:
    """Return how many greedy tokens are alike from the start, of how many compared."""
    total = found.get("n_new_tokens")
    if total is None:
        return "–"
    first = found.get("first_difference")
    return f"all {total}" if first is None else f"{first} of {total}"
