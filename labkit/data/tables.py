"""Tables: what a source holds, row by row, with the number that a reader would count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row as it was read."""

    number: int
    """Position in its file, from 1; a header does not count."""

    values: Mapping[str, Any]
    """Column → value."""

    file: str
    """Name of the file or split that holds it."""

    @property
    def name(self) -> str:
        """How messages call it: `row 17 of food.csv`."""
        return f"row {self.number} of {self.file}"


@dataclass(frozen=True)
class Table:
    """Rows under one name; a part of them can be taken without touching the rest."""

    name: str
    """File name, or the split's name where there is no file."""

    records: Any
    """A list of dicts, a `pyarrow.Table` or a `datasets.Dataset`."""

    def __len__(self) -> int:
        return len(self.records)

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return the rows from index `start` (from 0) up to, not including, `stop`."""
        part = _part(self.records, start, stop)
        return [Row(start + i, values, self.name) for i, values in enumerate(part, 1)]


@dataclass(frozen=True)
class Source:
    """Everything a data set holds: its tables by split, joined in order."""

    splits: dict[str, list[Table]]
    text_template: str | None = None
    """The template that comes with the data set; used when the spec names none."""

    task: str | None = None
    """The task that comes with the data set; used for its own completion."""

    notes: tuple[str, ...] = field(default=())


def _part(records: Any, start: int, stop: int) -> list[dict[str, Any]]:  # noqa: ANN401 - three kinds
    if isinstance(records, list):
        return records[start:stop]
    if hasattr(records, "to_pylist"):
        rows: list[dict[str, Any]] = records.slice(start, stop - start).to_pylist()
        return rows
    return _named(records.with_format(None).select(range(start, stop)))


def _named(dataset: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - datasets is not imported here
    """Return the rows of a `datasets.Dataset` with class numbers replaced by their names."""
    names = {
        column: feature.names
        for column, feature in dataset.features.items()
        if type(feature).__name__ == "ClassLabel"
    }
    return [
        {c: names[c][v] if c in names and v is not None and v >= 0 else v for c, v in row.items()}
        for row in dataset
    ]
