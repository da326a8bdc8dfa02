"""All adapters on all tasks as blocks: what each gained, and what it forgot."""

from collections.abc import Iterator
from typing import Any

from ..run import Run
from . import words
from .blocks import Block, Lines, Picture, Table
from .chart_bars import bars
from .figures import Figure, bounds, cell, title

CERTAIN = 0.05
"""A change whose p-value lies below this is called one."""

NOTE = (
    "★: the rows that it was trained for. ▲ better, ▼ worse than the base on the same rows, where "
    "that is no chance (p < 0.05). In brackets the 95 % interval."
)

Cells = dict[str, dict[str, dict[str, Any]]]
"""What was measured: by the model's name, then by the task's."""


def crossed(run: Run) -> list[Block]:
    """Return what is known: the table, its picture, and a sentence for each thing forgotten."""
    cells = _cells(run)
    if not cells:
        return []
    tasks = list(next(iter(cells.values())))
    rows = tuple(
        (name, *(_cell(name, task, found.get(task)) for task in tasks))
        for name, found in cells.items()
    )
    header = ("", *(_column(run, cells, task) for task in tasks))
    blocks: list[Block] = [Table("Each on the rows of all", header, rows, note=NOTE)]
    changes = {name: found for name, found in cells.items() if name != "base"}
    if run.metrics:
        text = "Change against the base by adapter and task; the numbers are in the table."
        unit = "change against the base (right: better)"
        blocks.append(Picture("Gained and forgotten", text, lambda: bars(_points(changes), unit)))
        forgotten = tuple(_forgotten(changes))
        said = forgotten or ("No adapter is worse than the base on the rows of another.",)
        blocks.append(Lines("Forgotten", said, folded=False))
    return blocks


def _cells(run: Run) -> Cells:
    found: Cells = {}
    for event in run.of("cell"):
        found.setdefault(event["model"], {})[event["task"]] = event
    return found


def _column(run: Run, cells: Cells, task: str) -> str:
    about = run.metrics.get("tasks", {}).get(task, {})
    n = f", n = {words.count(about['n'])}" if about else ""
    return f"{task} ({title(cells['base'][task]['metric'])}{n})"


def _cell(name: str, task: str, found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    own = " ★" if name == task else ""
    value = cell(found["metric"], Figure(found["value"], found.get("interval")))
    return f"{value} {_sign(found)}".strip() + own


def _sign(found: dict[str, Any]) -> str:
    gain = _gain(found)
    return "" if not gain else "▲" if gain > 0 else "▼"


def _gain(found: dict[str, Any]) -> float:
    """Return how much better than the base a cell is; 0 where that may be chance."""
    change = found.get("change")
    if not change or change["p_value"] >= CERTAIN:
        return 0.0
    return _upwards(found) * float(change["difference"])


def _points(changes: Cells) -> dict[str, float]:
    """Return each change by adapter and task, upwards better, whatever the metric's direction."""
    return {
        f"{name} on {task}": _upwards(of) * float(of["change"]["difference"])
        for name, found in changes.items()
        for task, of in found.items()
    }


def _upwards(found: dict[str, Any]) -> int:
    return 1 if found.get("higher_is_better", True) else -1


def _forgotten(changes: Cells) -> Iterator[str]:
    for name, found in changes.items():
        for task, of in found.items():
            if task != name and _gain(of) < 0:
                change = of["change"]
                by = f"{change['difference']:+.3f} {bounds('', change.get('interval'))}".strip()
                yield f"{name} is worse than the base on {task}: {title(of['metric'])} {by}."
