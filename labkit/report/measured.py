"""What the record says so far about a run's progress: read, put in order, nothing new measured."""

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ..recorder import Event
from ..run import Run
from ..spec import loss_unit
from .words import name, number, value_of

RECENT = 20
"""Steps that the speed and the time left are taken from."""

Point = tuple[int, float]
"""A step and a loss."""


@dataclass(frozen=True)
class Curve:
    """Losses by step, as drawn."""

    train: tuple[Point, ...]
    """Loss of each training step."""

    validation: tuple[Point, ...]
    """Loss on the validation rows, where it was measured."""

    unit: str = "nats per token"
    """What the losses are."""

    @property
    def best(self) -> Point | None:
        """The validation with the smallest loss; the earlier one of two equal ones."""
        return min(self.validation, key=lambda point: point[1], default=None)

    @property
    def sentence(self) -> str:
        """What the picture shows, in words and numbers."""
        if not self.train:
            return "No training step has been taken yet."
        first, last = self.train[0], self.train[-1]
        words = (
            f"Training loss went from {first[1]:.3f} at step {first[0]} "
            f"to {last[1]:.3f} {self.unit} at step {last[0]}."
        )
        if self.best is None:
            return words + " The validation loss has not been measured yet."
        return words + f" The best validation loss is {self.best[1]:.3f}, at step {self.best[0]}."


def curve(run: Run) -> Curve:
    """Return the finite losses of a run."""
    train, validation = _points(run.of("step"), "loss"), _points(run.of("eval"), "eval_loss")
    return Curve(train, validation, unit_of(run))


def unit_of(run: Run) -> str:
    """Return what the losses of a run are, as `nats per token`."""
    return loss_unit(getattr(run.spec, "loss", "cross_entropy"))


def short_unit(run: Run) -> str:
    """Return what the losses of a run are, as `nats/token`."""
    return unit_of(run).replace(" per ", "/")


def tokens_per_second(run: Run) -> float | None:
    """Return tokens read per second, prompts included: the recent steps' tokens ÷ their time."""
    steps = run.of("step")[-RECENT:]
    span = sum(number(step.get("seconds")) for step in steps)
    if not span > 0:
        return None
    return sum(number(step.get("n_tokens")) for step in steps) / span


def seconds_left(run: Run) -> float | None:
    """Return the seconds of training left: the median of recent steps, validations included."""
    steps = run.of("step")
    spans = [number(step.get("seconds")) for step in steps[-RECENT:]]
    spans = [span for span in spans if math.isfinite(span)]
    if not spans:
        return None
    at, end = int(steps[-1]["step"]), int(steps[-1]["max_steps"])
    return median(spans) * (end - at) + _validation_seconds(run) * _validations_left(run, at, end)


def memory(run: Run) -> tuple[float | None, float | None, float | None]:
    """Return the bytes in use now, the most so far, and the limit, as far as recorded."""
    events = run.of("resources")
    if not events:
        return None, None, None
    peak = max(number(event.get("bytes")) for event in events)
    limit = events[-1].get("limit")
    return number(events[-1].get("bytes")), peak, None if limit is None else number(limit)


def peak_memory(run: Run) -> float | None:
    """Return the most memory that a run took, in bytes: as recorded at its end, or seen so far.

    What training records is resident memory, with all of the libraries that the worker shares with
    other processes; what is seen while it runs counts such pages in part, and once a second.
    """
    return run.metrics.get("training", {}).get("peak_bytes") or memory(run)[1]


def elapsed(run: Run) -> float | None:
    """Return the seconds that the run was at work: what lies between a stop and a resume is not."""
    spent, began, last = 0.0, None, 0.0
    for event in run.events():
        if event["kind"] == "start":
            spent += last - began if began is not None else 0.0
            began = event["time"]
        last = event["time"]
    return spent + last - began if began is not None else None


def notes(run: Run) -> list[str]:
    """Return what the run said about its data, precision and checks, each once, as sentences."""
    spoke = (event for event in run.events() if event["kind"] in _SPEAKING)
    said = [_sentence(event) for event in spoke if "sign" not in event]
    found = run.metrics
    models = [found.get("base", {}), found.get("tuned", {}), *found.get("models", {}).values()]
    said += [note for of in models for note in of.get("notes", ())]
    return list(dict.fromkeys(text for text in said if text))


def signs(run: Run) -> list[str]:
    """Return what the loss curve said while it was drawn, each sign once, as sentences."""
    found = {event["sign"]: str(event["text"]) for event in run.of("note") if "sign" in event}
    return list(found.values())


def stage(run: Run) -> Event | None:
    """Return the stage the run is in; None while it takes steps."""
    event = run.last("stage", "step", "lr_probe", "end")
    return event if event and event["kind"] == "stage" else None


_SPEAKING = ("note", "precision", "check")


def _sentence(event: Event) -> str:
    if "text" in event:
        return str(event["text"])
    if "loss_packed" in event:
        return _packing(event)
    shown = {key: value for key, value in event.items() if key not in ("time", "kind")}
    return f"{event['kind'].capitalize()}: " + ", ".join(
        f"{name(key)} {value_of(key, value)}" for key, value in shown.items()
    )


def _packing(event: Event) -> str:
    agree = "agree" if event.get("equal") else "do not agree"
    packed, plain = number(event["loss_packed"]), number(event["loss_plain"])
    return (
        f"Packed and plain rows {agree}: loss {packed:.6f} and {plain:.6f}, gradients "
        f"{number(event.get('gradient_difference')):.1e} apart."
    )


def _points(events: list[Event], key: str) -> tuple[Point, ...]:
    points = ((int(event["step"]), number(event.get(key))) for event in events)
    return tuple(point for point in points if math.isfinite(point[1]))


def _validation_seconds(run: Run) -> float:
    """Return the median time between two steps that a validation took; 0 before one is seen."""
    spans: list[float] = []
    before: Event | None = None
    seen = False
    for event in run.events():
        if event["kind"] == "step":
            if before and seen:
                spans.append(event["time"] - number(event.get("seconds")) - before["time"])
            before, seen = event, False
        elif event["kind"] == "start":
            before = None
        seen = seen or event["kind"] == "eval"
    if not spans and before and seen:
        spans = [run.of("eval")[-1]["time"] - before["time"]]
    return max(0.0, median(spans)) if spans else 0.0


def _validations_left(run: Run, at: int, end: int) -> int:
    steps = [event["step"] for event in run.of("eval") if event["step"] > 0]
    gaps = [after - before for before, after in pairwise(steps)] or steps
    every = gaps[-1] if gaps else 0
    return end // every - at // every if every > 0 else 0
