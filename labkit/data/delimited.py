"""Comma, semicolon or tab separated text → rows, strictly: a crooked row is named, not mended."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice

from ..errors import DataError

DELIMITERS = ",;\t"
SAMPLE = 20_000
"""Characters that the delimiter is judged by."""


def read_csv(text: str, name: str) -> list[dict[str, str]]:
    """Return one dict per row below the header."""
    _refuse_json(text, name)
    records = list(_records(text, delimiter_of(text), name))
    while records and not _filled(records[-1]):
        records.pop()
    if not records:
        return []
    header = _header(records[0], name)
    return [_row(header, cells, number, name) for number, cells in enumerate(records[1:], 1)]


def delimiter_of(text: str) -> str:
    """Return the delimiter that cuts every row of the text's beginning equally, and finest."""
    return max(DELIMITERS, key=lambda delimiter: _fitness(text, delimiter))


def _fitness(text: str, delimiter: str) -> tuple[bool, int]:
    reader = csv.reader(io.StringIO(text[:SAMPLE], newline=""), delimiter=delimiter)
    widths = [len(cells) for cells in islice(reader, 40) if cells]
    if len(text) > SAMPLE and len(widths) < 40:
        widths = widths[:-1]  # the sample may end in the middle of a row
    return (len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0)


def _records(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{_place(number)} of {name} is not CSV: {error} (line {reader.line_num}).",
                hint='Write a quote inside a quoted cell twice: "she said ""yes""".',
            ) from error
        yield cells
        number += 1


def _place(number: int) -> str:
    return f"Row {number}" if number else "The header"


def _filled(cells: list[str]) -> bool:
    return any(cell.strip() for cell in cells)


def _header(cells: list[str], name: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    if "" in header:
        raise DataError(
            f"Column {header.index('') + 1} of {name} has no name in the header.",
            hint="The first line must name every column.",
        )
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise DataError(
            f"The header of {name} has the column {twice[0]!r} twice.", hint="Rename one of them."
        )
    return header


def _row(header: list[str], cells: list[str], number: int, name: str) -> dict[str, str]:
    if not _filled(cells):
        raise DataError(f"Row {number} of {name} is empty.", hint="Delete the row.")
    if len(cells) != len(header):
        raise DataError(
            f"Row {number} of {name} has {len(cells)} cells; the header has {len(header)}.",
            hint='Put a cell that holds a comma in double quotes: "bread, butter".',
        )
    return dict(zip(header, cells, strict=True))


def _refuse_json(text: str, name: str) -> None:
    first = text.lstrip().partition("\n")[0].strip()
    ending = {"[": ".json", "{": ".jsonl"}.get(first[:1])
    if ending and (_parses(first) or _parses(text)):
        raise DataError(f"{name} is not CSV: it is JSON.", hint=f"Rename it to end in {ending}.")


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True
