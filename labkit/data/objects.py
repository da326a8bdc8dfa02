"""Data given in the notebook → rows, and JSON Lines files that a worker process can read."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..files import write_text
from .expressions import SPLITS, canonical
from .formats import kind_name
from .tables import Table

Records = list[dict[str, Any]]
HINT = "Give a list of dicts, a pandas DataFrame or a datasets.Dataset."


def rows_of(data: object) -> Records:
    """Return the rows of a list of dicts, a pandas DataFrame or a `datasets.Dataset`."""
    parts = splits_of(data)
    if len(parts) > 1:
        raise DataError(
            f"The data has {len(parts)} splits ({', '.join(parts)}) where one table is needed.",
            hint="Take one of them, such as data['train'].",
        )
    return next(iter(parts.values()))


def splits_of(data: object) -> dict[str, Records]:
    """Return the rows by split; a single table is all `train`.

    Args:
        data: A table as for `rows_of`, or a dict or `DatasetDict` of split names and tables.
    """
    if not isinstance(data, dict):
        return {"train": _table(data)}
    if not data or any(_is_column(part) for part in data.values()):
        raise DataError(
            "A dict of data must hold split names and their tables; it holds "
            f"{', '.join(map(repr, data)) or 'nothing'}.",
            hint="Turn columns into a table with pandas.DataFrame(data).",
        )
    names = [canonical(str(name)) for name in data]
    if len(set(names)) < len(names) or not set(names) <= set(SPLITS):
        raise DataError(
            f"Splits must be {', '.join(SPLITS)}, each once; got {', '.join(map(str, data))}.",
            hint="Rename them, as in {'train': data['train_sft'], 'test': data['test_sft']}.",
        )
    return {name: _table(part) for name, part in zip(names, data.values(), strict=True)}


def write_rows(data: object, folder: Path) -> Path:
    """Write data as JSON Lines and return the path for `data:`.

    Args:
        data: As for `splits_of`.
        folder: Where the files go; made if it is not there.

    Returns:
        The file `rows.jsonl`, or the folder with one file per split.
    """
    parts = splits_of(data)
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(data, dict):
        return _write(parts["train"], folder / "rows.jsonl")
    for name, rows in parts.items():
        _write(rows, folder / f"{name}.jsonl")
    return folder


def _write(rows: Records, path: Path) -> Path:
    write_text(path, "".join(_json(row, number) + "\n" for number, row in enumerate(rows, 1)))
    return path


def _json(row: dict[str, Any], number: int) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, default=_plain)
    except TypeError as error:
        raise DataError(f"Row {number} of the data: {error}.", hint="Turn it into text.") from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    """Return JSON for a number of numpy, an array or a date."""
    for method in ("tolist", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"a value of type {type(value).__name__} is neither text nor a number")


def _table(data: object) -> Records:
    package = type(data).__module__.split(".")[0]
    if package == "pandas" and type(data).__name__ == "DataFrame":
        rows = _frame(data)
    elif package == "datasets" and hasattr(data, "select"):
        table = Table("data", data)
        rows = [dict(row.values) for row in table.rows(0, len(table))]
    elif isinstance(data, list | tuple):
        rows = [_row(row, number) for number, row in enumerate(data, 1)]
    else:
        raise DataError(f"Data must be a table of rows; got {kind_name(data)}.", hint=HINT)
    if not rows:
        raise DataError("The data has no rows.", hint="Give it at least two rows.")
    return rows


def _row(row: object, number: int) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise DataError(
            f"Row {number} of the data must be a dict; it is {kind_name(row)}.", hint=HINT
        )
    return {str(column): _missing_as_none(value) for column, value in row.items()}


def _frame(frame: Any) -> Records:  # noqa: ANN401 - pandas is not imported here
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(
            f"The DataFrame has the column {str(twice[0])!r} twice.", hint="Rename one of them."
        )
    return [_row(row, number) for number, row in enumerate(frame.to_dict("records"), 1)]


def _missing_as_none(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    """Return None for NaN and for pandas' NA and NaT, other values unchanged."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _is_column(part: object) -> bool:
    if isinstance(part, list | tuple):
        return not part or not isinstance(part[0], Mapping)
    return type(part).__name__ in ("Series", "ndarray", "str", "int", "float")
