"""The runs of a folder side by side, as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import faults
from ..run import Run
from . import words
from .blocks import Table
from .html import fragment
from .measured import curve
from .plaintext import table_text
from .reached import result


class Plain(str):
    """Text that a notebook shows as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


HEADER = ("name", "job", "status", "when", "step", "best loss", "base → tuned", "size")


@dataclass(frozen=True)
class RunsTable:
    """Runs, one a row; shows itself in a notebook and prints as text."""

    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return table_text(HEADER, self.rows, numeric=False) if self.rows else NO_RUNS

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        title = "" if self.rows else NO_RUNS
        return fragment([Table(title, HEADER, self.rows, numeric=False)])


NO_RUNS = "There are no runs here yet; %%finetune or `labkit finetune` makes one."


def runs_table(runs: Sequence[Run]) -> RunsTable:
    """Return runs as a table: how far each came and what it reached."""
    return RunsTable(tuple(_row(run) for run in runs))


def _row(run: Run) -> tuple[str, ...]:
    sign, status = words.STATUS[run.status]
    step, best = run.last("step"), curve(run).best
    return (
        run.name,
        run.job + (" (fault)" if faults.is_marked(run.path) else ""),
        f"{sign} {status}",
        words.when(run.created),
        f"{step['step']}/{step['max_steps']}" if step else "–",
        words.loss(best[1]) if best else "–",
        result(run.metrics),
        _size(run.metrics),
    )


def _size(metrics: dict[str, Any]) -> str:
    rung = (metrics.get("rungs") or {}).get(metrics.get("chosen")) or metrics
    return words.size(rung.get("size_bytes") or (metrics.get("adapter") or {}).get("bytes"))
