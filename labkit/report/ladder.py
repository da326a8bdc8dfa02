"""The steps of an export as blocks: stages, agreement with the model before, accuracy, latency."""

from collections.abc import Mapping
from typing import Any

from ..run import Run
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
    size = [("precision", found.get("precision")), ("size", words.size(found.get("bytes")))]
    shown = tuple((key, str(value)) for key, value in size if value and value != "–")
    return [
        *([Facts("The exported model", shown, tiles=True)] if shown else []),
        *grid("Accuracy on the held-out rows", found.get("accuracy")),
        *grid("Agreement with the tuned model", found.get("parity")),
        *grid("Latency, measured in the same run", found.get("latency")),
    ]


def exported(run: Run) -> dict[str, Any]:
    """Return an export's results: its metrics, else the events that will become them."""
    metrics = run.metrics
    for kind in ("parity", "latency"):
        event = run.last(kind)
        if kind not in metrics and event:
            metrics[kind] = {key: event[key] for key in event if key not in ("time", "kind")}
    return metrics


def grid(title: str, found: Any) -> list[Block]:  # noqa: ANN401 - JSON values
    """Return a mapping as labelled values, or as a table where it holds mappings."""
    if not isinstance(found, Mapping) or not found:
        return []
    inner = {key: value for key, value in found.items() if isinstance(value, Mapping)}
    flat = {key: value for key, value in found.items() if key not in inner}
    unit = "accuracy" if title.startswith("Accuracy") else ""
    facts = tuple((words.name(key), _value(key, value, unit)) for key, value in flat.items())
    columns = list(dict.fromkeys(column for row in inner.values() for column in row))
    rows = tuple(
        (words.name(name), *(words.value_of(column, row.get(column)) for column in columns))
        for name, row in inner.items()
    )
    header = ("", *(words.name(column) for column in columns))
    blocks: list[Block] = [Table(title, header, rows)] if rows else []
    return blocks + ([Facts("" if rows else title, facts)] if facts else [])


def _value(key: str, value: Any, unit: str) -> str:  # noqa: ANN401 - JSON values
    is_share = unit and isinstance(value, float)
    return words.value_of(unit if is_share else key, value)
