"""Split expressions: `train[10%:50%]+validation` → the rows they name."""

import re
from collections.abc import Iterable
from itertools import accumulate

from ..errors import DataError, SpecError, near
from .tables import Row, Source, Table

SPLITS = ("train", "validation", "test")

ALIASES = {"valid": "validation", "val": "validation", "dev": "validation", "eval": "validation"}
"""Usual names of the validation split → ours."""

TERM = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[\s*(?P<start>-?\d+%?)?\s*:\s*(?P<stop>-?\d+%?)?\s*\])?"
)


def canonical(name: str) -> str:
    """Return `validation` for any usual name of it, other names unchanged."""
    return ALIASES.get(name.lower(), name)


def split_names(source: Source, expression: str, setting: str) -> list[str]:
    """Return the source's splits that an expression names, in order."""
    return [_known_as(match["name"], source) for match in _terms(expression, setting)]


def pick(source: Source, expression: str, setting: str) -> list[Row]:
    """Return the rows that an expression such as `train[:4096]` names; none is an error."""
    rows = [row for term in _terms(expression, setting) for row in _pick(source, term, setting)]
    if not rows:
        sizes = ", ".join(f"{name} has {_size(tables):,}" for name, tables in source.splits.items())
        raise DataError(
            f"{setting}: {expression} leaves 0 rows ({sizes}).",
            hint="Choose a range inside the split.",
        )
    return rows


def beyond(source: Source, expression: str, setting: str) -> list[str]:
    """Return a note for each range that ends after the last row of its split."""
    notes = []
    for term in _terms(expression, setting):
        name = _known_as(term["name"], source)
        size, stop = _size(source.splits[name]), term["stop"] or ""
        if stop.isdigit() and int(stop) > size:
            notes.append(f"{setting}: {term[0]} ends after the last row of {name}, row {size}.")
    return notes


def _known_as(name: str, source: Source) -> str:
    return name if name in source.splits else canonical(name)


def _terms(expression: str, setting: str) -> list[re.Match[str]]:
    matches = [TERM.fullmatch(term.strip()) for term in expression.split("+")]
    found = [match for match in matches if match]
    if len(found) != len(matches):
        raise SpecError(
            f"{setting} must look like train, train[:4096], train[10%:50%] or train+validation; "
            f"got {expression!r}.",
            hint="Positions are row numbers from 0, or per cent.",
        )
    return found


def _pick(source: Source, term: re.Match[str], setting: str) -> list[Row]:
    name = _known_as(term["name"], source)
    if name not in source.splits:
        listed = ", ".join(source.splits)
        raise DataError(
            f"{setting}: the data has no split {term['name']!r}; it has {listed}.",
            hint=near(name, source.splits, f"Name one of: {listed}."),
        )
    tables = source.splits[name]
    size = _size(tables)
    start = _position(term["start"], size, default=0)
    stop = _position(term["stop"], size, default=size)
    return list(_rows(tables, start, stop))


def _size(tables: Iterable[Table]) -> int:
    return sum(len(table) for table in tables)


def _position(text: str | None, size: int, default: int) -> int:
    """Return a row index from 0 to `size`; per cent round to the nearest row."""
    if text is None:
        return default
    index = round(int(text[:-1]) * size / 100) if text.endswith("%") else int(text)
    return max(0, min(size, index + size if text.startswith("-") else index))


def _rows(tables: list[Table], start: int, stop: int) -> Iterable[Row]:
    ends = accumulate(len(table) for table in tables)
    for table, end in zip(tables, ends, strict=True):
        first = end - len(table)
        if start < end and stop > first:
            yield from table.rows(max(start - first, 0), min(stop - first, len(table)))
