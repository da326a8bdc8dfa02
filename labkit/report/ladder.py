"""The steps of an export as blocks: stages, agreement with the model before, accuracy, latency."""

from collections.abc import Mapping
from typing import Any

from ..run import Event, Run
from . import words
from .blocks import Block, Facts, Table


def stages(run: Run) -> list[Block]:
    """Return the stages that a run went through and what each took."""
    seen: dict[str, float] = {}
    for event in run.of("stage"):
        seen.setdefault(str(event.get("name")), event["time"])
    if not seen:
        return []
    ends = [*list(seen.values())[1:], run.events()[-1]["time"]]
    rows = tuple(
        (name, words.seconds(end - start))
        for (name, start), end in zip(seen.items(), ends, strict=True)
    )
    return [Table("Stages", ("stage", "seconds"), rows)]


def ladder(run: Run) -> list[Block]:
    """Return what an export proved and measured, from metrics.json or the events so far."""
    found = exported(run)
    n = words.count(found.get("n_rows"))
    size = [("precision", found.get("precision")), ("size", words.size(found.get("size_bytes")))]
    shown = tuple((key, str(value)) for key, value in size if value and value != "–")
    return [
        *([Facts("The exported model", shown, tiles=True)] if shown else []),
        *grid(f"Accuracy on {n} held-out rows", found.get("accuracy"), "accuracy"),
        *grid("Agreement with the tuned model", found.get("parity")),
        *grid("Time and memory, measured in turns", found.get("latency")),
        *grid("Peak memory of each step", found.get("peak_bytes"), "bytes"),
    ]


def exported(run: Run) -> dict[str, Any]:
    """Return an export's results: its metrics, else the events that will become them."""
    return run.metrics or {
        "parity": {event["precision"]: _values(event) for event in run.of("parity")},
        "latency": {event["engine"]: _values(event) for event in run.of("latency")},
    }


def grid(title: str, found: Any, unit: str = "") -> list[Block]:  # noqa: ANN401 - JSON values
    """Return a mapping as labelled values, or as a table where it holds mappings.

    Args:
        title: What is shown.
        found: Values by name, or by name and key.
        unit: Key whose unit all values have; left out where each key says its own.
    """
    if not isinstance(found, Mapping) or not found:
        return []
    models = {key: value for key, value in found.items() if isinstance(value, Mapping)}
    flat = [key for key in found if key not in models]
    facts = tuple((words.name(key), words.value_of(unit or key, found[key])) for key in flat)
    seen = dict.fromkeys(key for values in models.values() for key in values)
    rows = tuple(
        (words.name(key), *(words.value_of(key, values.get(key)) for values in models.values()))
        for key in seen
        if key not in ("engine", "precision")
    )
    blocks: list[Block] = [Table(title, ("", *models), rows)] if rows else []
    return blocks + ([Facts("" if rows else title, facts)] if facts else [])


def _values(event: Event) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("time", "kind")}
