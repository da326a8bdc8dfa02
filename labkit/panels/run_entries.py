"""The runs of the folder as a list shows them: read once, and again where something happened."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..api import disk_use
from ..errors import LabError
from ..report import words
from ..report.data_report import short
from ..report.reached import result
from ..run import Run, run_folders

SIZES_EVERY = 10.0
"""Seconds between two looks at how much the folders take, while something runs."""

COST = 20
"""Seconds to wait for each second that a look took."""


@dataclass(frozen=True)
class Entry:
    """One run, as a line of the list."""

    run: Run
    name: str
    job: str
    status: str
    created: float
    """Seconds since 1970."""

    model: str
    """The base model; of what is made from a run, that run."""

    data: str
    result: str
    size_bytes: int
    """All files in the run's folder, exports included."""

    @property
    def is_alive(self) -> bool:
        """Whether the run goes on, or a worker is on its way to it."""
        is_queued = self.status == "waiting" and bool(self.run.of("queued"))
        return is_queued or self.status in ("running", "stopping")


class Column(NamedTuple):
    """One column of the list."""

    tip: str
    """What it holds."""

    show: Callable[[Entry], str]
    key: Callable[[Entry], object]
    """What the runs are sorted by."""


COLUMNS = {
    "name": Column("The run's name", lambda e: e.name, lambda e: e.name.casefold()),
    "job": Column("What the run does", lambda e: e.job, lambda e: e.job),
    "status": Column(
        "Where the run stands",
        lambda e: "\u00a0".join(words.STATUS[e.status]),
        lambda e: list(words.STATUS).index(e.status),
    ),
    "when": Column("When it was made", lambda e: words.when(e.created), lambda e: e.created),
    "model": Column("The base model, or the run it works on", lambda e: e.model, lambda e: e.model),
    "data": Column("The data set", lambda e: e.data, lambda e: e.data),
    "result": Column("Base → tuned, on held-out rows", lambda e: e.result, lambda e: e.result),
    "size": Column(
        "On disk, with all that lies in its folder",
        lambda e: words.size(e.size_bytes),
        lambda e: e.size_bytes,
    ),
}


class Entries:
    """The lines of all runs; what has not changed is not read again."""

    def __init__(self) -> None:
        self._runs: dict[Path, Run] = {}
        self._read: dict[Path, tuple[object, Entry]] = {}
        self._sizes: dict[Path, int] = {}
        self._next_sizes = 0.0

    def read(self) -> list[Entry]:
        """Return a line for each run there is now, the newest first."""
        folders = run_folders()
        self._runs = {path: self._runs.get(path) or Run(path) for path in folders}
        if time.monotonic() >= self._next_sizes or self._runs.keys() - self._sizes.keys():
            self._measure()
        return sorted(map(self._entry, folders), key=lambda entry: -entry.created)

    def forget_sizes(self) -> None:
        """Measure the folders anew at the next reading."""
        self._next_sizes = 0.0

    def _entry(self, path: Path) -> Entry:
        run, size = self._runs[path], self._sizes[path]
        seen = len(run.events()), run.status, size
        known, entry = self._read.get(path, (None, None))
        if entry is None or known != seen:
            entry = _entry(run, size)
            self._read[path] = seen, entry
        return entry

    def _measure(self) -> None:
        start = time.monotonic()
        self._sizes = {path: disk_use(path) for path in self._runs}
        now = time.monotonic()
        self._next_sizes = now + max(SIZES_EVERY, COST * (now - start))


def sorted_by(entries: Sequence[Entry], column: str, *, is_reversed: bool) -> list[Entry]:
    """Return the lines in the order of a column; equal ones stay the newest first."""
    return sorted(entries, key=COLUMNS[column].key, reverse=is_reversed)  # type: ignore[arg-type]


def matching(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Return the lines that hold every word of a text, in any column."""
    asked = text.casefold().split()
    return [e for e in entries if all(word in _words(e) for word in asked)]


def _words(entry: Entry) -> str:
    parts = (entry.name, entry.job, entry.status, entry.model, entry.data, entry.result)
    return "\n".join(parts).casefold()


def _entry(run: Run, size: int) -> Entry:
    try:
        spec = run.spec.as_dict()
    except LabError:  # made by another version: there it is all the same
        spec = {}
    model, data = (short(str(spec.get(name) or "–")) for name in ("model", "data"))
    if "model" not in spec and spec.get("run"):
        model = f"run {short(spec['run'])}"
    reached = result(run.metrics)
    return Entry(run, run.name, run.job, run.status, run.created, model, data, reached, size)
