"""The tables that `labkit models` and `labkit data` print."""

from collections.abc import Sequence
from pathlib import Path

from .datasets import is_at_hand
from .entries import DataEntry, ModelEntry, data_sets, models
from .resolve import cached
from .terms import is_accepted

_DATA_HEAD = (
    "NAME", "DATA SET", "TASK", "ROWS", "SIZE", "LICENCE", "FROM", "CACHED", "COLUMNS", "FOR",
)  # fmt: skip


def models_table() -> str:
    """Return every model with source, size, licence and whether the cache has it."""
    head = ("NAME", "MODEL", "FROM", "FETCH", "ON DISK", "LICENCE", "CACHED", "FOR")
    return _table([head, *(_model_row(entry) for entry in models())])


def data_table() -> str:
    """Return every data set with its task, splits, size, licence and where it comes from."""
    return _table([_DATA_HEAD, *(_data_row(entry) for entry in data_sets())])


def n_rows(entry: DataEntry) -> dict[str, int]:
    """Return the number of rows of each split; nothing is fetched for it."""
    if entry.package:
        return {split: file.rows for split, file in entry.package.splits.items()}
    return {split: _n_lines(entry.path(split)) for split in entry.splits}


def _model_row(entry: ModelEntry) -> tuple[str, ...]:
    source = " or ".join(_sources(entry))
    fetch = " or ".join(_megabytes(s.size) for s in (entry.hub, entry.package) if s)
    title = f"{entry.title}, {entry.parameters / 1e6:.0f} M"
    disk = _megabytes(entry.disk_bytes)
    return (entry.name, title, source, fetch, disk, entry.licence, _state(entry), entry.purpose)


def _data_row(entry: DataEntry) -> tuple[str, ...]:
    rows = " + ".join(f"{n:,} {split}" for split, n in n_rows(entry).items())
    pinned = entry.package.splits if entry.package else {}
    sizes = [file.size for file in pinned.values()] or [
        entry.path(split).stat().st_size for split in entry.splits
    ]
    return (
        entry.name, entry.title, entry.task, rows, f"{sum(sizes) / 1e3:,.0f} kB", entry.licence,
        entry.source, "yes" if is_at_hand(entry) else "no", ", ".join(entry.columns),
        entry.purpose,
    )  # fmt: skip


def _sources(entry: ModelEntry) -> list[str]:
    hub = [f"hub {entry.hub.id}"] if entry.hub else []
    wheels = entry.package.wheels if entry.package else ()
    more = f" … {wheels[-1].name}" if len(wheels) > 1 else ""
    return [*hub, *([f"package {wheels[0].requirement}{more}"] if wheels else [])]


def _state(entry: ModelEntry) -> str:
    if cached(entry):
        return "yes"
    return "no, terms first" if entry.terms_url and not is_accepted(entry) else "no"


def _n_lines(path: Path) -> int:
    with path.open(encoding="utf-8") as file:
        return sum(1 for line in file if line.strip())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
