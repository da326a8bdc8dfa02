"""A merged model as blocks: its size, and how far it is from the model before merging."""

from typing import Any

from ..recorder import Event
from ..run import Run
from . import words
from .blocks import Block, Facts, Table

ABOUT = (
    "merged: read from the disk, beside the tuned model. reloaded: read from the disk, beside the "
    "same model before it was written."
)


def merged(run: Run) -> list[Block]:
    """Return what a merge proved and measured, from metrics.json or the events so far."""
    found = _compared(run)
    size = [("rows compared", words.count(found.get("n_rows"))),
            ("size", words.size(found.get("size_bytes")))]  # fmt: skip
    shown = tuple((key, value) for key, value in size if value != "–")
    models = found.get("parity") or {}
    keys = dict.fromkeys(key for of in models.values() for key in of)
    rows = tuple(
        (words.name(key), *(words.value_of(key, of.get(key)) for of in models.values()))
        for key in keys
    )
    return [
        *([Facts("The merged model", shown)] if shown else []),
        *(
            [Table("Agreement of the merged model", ("", *models), rows, note=ABOUT)]
            if rows
            else []
        ),
    ]


def _compared(run: Run) -> dict[str, Any]:
    """Return a merge's results: its metrics, else the events that will become them."""
    return run.metrics or {
        "parity": {event["precision"]: _values(event) for event in run.of("parity")}
    }


def _values(event: Event) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("time", "kind", "precision")}
