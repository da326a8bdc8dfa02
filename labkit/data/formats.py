"""One file → one table; a file that cannot be read says in which row or line, and why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import DataError
from .delimited import read_csv
from .tables import Table

KINDS = {
    ".jsonl": "JSON Lines",
    ".ndjson": "JSON Lines",
    ".json": "JSON",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".parquet": "Parquet",
}
"""File ending → what the file must hold."""

DISGUISES = (
    (b"PAR1", "Parquet", "Rename it to end in .parquet."),
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "Export the sheet as CSV (UTF-8)."),
    (b"\x1f\x8b", "gzip-compressed", "Unpack it first (gunzip)."),
    (b"<!doctype html", "a web page", "Download the file itself, not the page that shows it."),
    (b"<html", "a web page", "Download the file itself, not the page that shows it."),
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the real file with `git lfs pull`."),
)
"""First bytes, in lower case where they are text; what they mean; the next step."""

Records = list[dict[str, Any]]


def read_file(path: Path) -> Table:
    """Return the rows of a JSON Lines, JSON, CSV or Parquet file."""
    kind = kind_of(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
            data = b"" if kind == "Parquet" else head + stream.read()
    except OSError as error:
        raise DataError(
            f"{path.name} cannot be read: {error.strerror}.", hint="Check the file's permissions."
        ) from error
    _refuse_disguise(path.name, kind, head.lstrip())
    if kind == "Parquet":
        return Table(path.name, _read_parquet(path))
    readers: dict[str, Callable[[str, str], Records]] = {
        "JSON Lines": read_jsonl,
        "JSON": read_json,
        "CSV": read_csv,
    }
    records = readers[kind](decode(data, path.name), path.name)
    if not records:
        raise DataError(f"{path.name} has no rows.", hint="Give it at least two rows.")
    return Table(path.name, records)


def kind_of(path: Path) -> str:
    """Return what a file must hold by its ending, or refuse the ending."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise DataError(
            f"A data file must end in {', '.join(KINDS)}; got {path.name!r}.",
            hint="Save the rows as JSON Lines: one {...} object per line.",
        )
    return kind


def decode(data: bytes, name: str) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start:,}, "
            f"line {line:,}.",
            hint="Save it again with the encoding UTF-8 (in Excel: 'CSV UTF-8').",
        ) from error


def _refuse_disguise(name: str, kind: str, head: bytes) -> None:
    for magic, what, hint in DISGUISES:
        if what != kind and (head.startswith(magic) or head.lower().startswith(magic)):
            raise DataError(f"{name} is not {kind}: it is {what}.", hint=hint)
    if kind == "Parquet" and not head.startswith(b"PAR1"):
        raise DataError(
            f"{name} is not Parquet: it begins with {head[:12]!r}, a Parquet file with b'PAR1'.",
            hint="Give it the ending of what it holds, such as .jsonl or .csv.",
        )


def read_jsonl(text: str, name: str) -> Records:
    """Return one dict per line; blank lines are allowed at the end only."""
    if text.lstrip().startswith("["):
        raise DataError(
            f"{name} is not JSON Lines: it is a JSON list.", hint="Rename it to end in .json."
        )
    lines = text.rstrip().split("\n") if text.strip() else []
    return [_line(line, number, name) for number, line in enumerate(lines, 1)]


def _line(line: str, number: int, name: str) -> dict[str, Any]:
    if not line.strip():
        raise DataError(f"Row {number} of {name} is empty.", hint="Delete the blank line.")
    try:
        return _object(json.loads(line), number, name)
    except json.JSONDecodeError as error:
        raise DataError(
            f"Row {number} of {name} is not JSON: {error.msg}, column {error.colno}.",
            hint="Write one {...} object per line, with text in double quotes.",
        ) from error


def read_json(text: str, name: str) -> Records:
    """Return the dicts of a JSON list, or of the list under `data`."""
    try:
        value = json.loads(text) if text.strip() else []
    except json.JSONDecodeError as error:
        raise _not_json(text, name, error) from error
    rows = value["data"] if isinstance(value, dict) and "data" in value else value
    if not isinstance(rows, list):
        raise DataError(
            f"{name} must hold a list of objects, or one under 'data'; it is {kind_name(rows)}.",
            hint="Write [ {...}, {...} ], one object per row.",
        )
    return [_object(row, number, name) for number, row in enumerate(rows, 1)]


def _not_json(text: str, name: str, error: json.JSONDecodeError) -> DataError:
    if error.msg == "Extra data" and text.lstrip().startswith("{"):
        hint = "It looks like JSON Lines: rename it to end in .jsonl."
    else:
        hint = "Check the brackets, commas and double quotes there."
    return DataError(
        f"{name} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.", hint=hint
    )


def _object(value: object, number: int, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(
            f"Row {number} of {name} must be an object {{...}}; it is {kind_name(value)}.",
            hint='Write each row as {"column": "value", ...}.',
        )
    return value


def kind_name(value: object) -> str:
    """Return what a reader calls a value's type: `text`, `a number`, `a list` …."""
    names = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        tuple: "a list",
        dict: "an object",
        type(None): "nothing",
    }
    return names.get(type(value), type(value).__name__)


def _read_parquet(path: Path) -> Any:  # noqa: ANN401 - pyarrow is not typed
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path.name} cannot be read as Parquet: {reason}.",
            hint="It is cut short or damaged: copy or export it again.",
        ) from error
    if not table.num_rows:
        raise DataError(f"{path.name} has no rows.", hint="Give it at least two rows.")
    return table
