"""Rows that the template breaks: empty places, markers inside values, blanks, damaged letters."""

import re
from collections.abc import Callable, Iterator

from ...errors import DataError, listed
from ..layouts import Layout
from ..render import cell, check_kinds
from ..tables import Row
from ..templates import columns
from ..tokens import MARK
from .findings import Finding, Place, counted, named, verb
from .material import Material

DAMAGED = re.compile(r"\ufffd|Ã[\x80-\xbf]|â€|[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""The sign for a lost letter, UTF-8 read as Latin-1, control characters."""


def value_findings(material: Material) -> list[Finding]:
    """Return the rows whose values a template cannot take, or takes badly."""
    found = _unusable(material)
    if not material.layout.chat:
        found += _mixed(material)
        found += _empty(material)
    found += _where(material, _has_marker(material.layout), "warn", "markers", *_MARKERS)
    found += _where(material, _is_damaged, "warn", "letters", *_DAMAGED)
    return found + _where(material, _has_blanks, "hint", "blanks", *_BLANKS)


def texts_of(row: Row, layout: Layout) -> Iterator[tuple[str, str]]:
    """Return the texts of a row that are used, each with its column; a chat's turns with roles."""
    if not layout.chat:
        for column in layout.columns:
            if isinstance(value := cell(row, column), str):
                yield column, value
        return
    turns = row.values.get("messages")
    for turn in turns if isinstance(turns, list | tuple) else ():
        if isinstance(turn, dict) and isinstance(turn.get("content"), str):
            yield str(turn.get("role")), turn["content"]


def markers_of(layout: Layout) -> list[str]:
    """Return the fixed lines of a template that a model knows a place by: `### Tone:`."""
    fixed = [text for text, _ in (*layout.prompt, *layout.completion)]
    lines = [line.strip() for text in fixed for line in text.splitlines()]
    signs = [line for line in lines if len(line) > 2 and re.search(r"[^\w\s]", line)]
    return list(dict.fromkeys(signs))


_MARKERS = ("holds", "hold", "a marker of the template inside a value", "Take it out: the model "
            "cannot tell the value's marker from the template's.")  # fmt: skip
_DAMAGED = ("has", "have", "damaged letters (wrong encoding or control characters)",
            "Read the source again as UTF-8.")  # fmt: skip
_BLANKS = ("has", "have", "blanks at the start or end of a value", "Strip them; a blank more "
           "is another token.")  # fmt: skip


def _where(material: Material, is_so: Callable[[str], bool], *words: str) -> list[Finding]:
    """Return a finding on the rows of which one value is so."""
    severity, about, one, many, what, advice = words
    hits = [
        (Place(row.file, row.number), column)
        for row in material.rows
        for column, text in texts_of(row, material.layout)
        if is_so(text)
    ]
    if not hits:
        return []
    places = tuple(dict.fromkeys(place for place, _ in hits))
    within = listed(list(dict.fromkeys(column for _, column in hits)), "and")
    n = len(places)
    sentence = f"{counted(n, 'row')} {verb(n, one, many)} {what} ({within}): {named(places)}."
    return [Finding(severity, about, sentence, advice, places)]  # type: ignore[arg-type]


def _unusable(material: Material) -> list[Finding]:
    rows = material.unusable
    if not rows:
        return []
    places = tuple(place for place, _ in rows)
    n = len(rows)
    sentence = f"{counted(n, 'row')} cannot be used: {named(places)}. {rows[0][1]}"
    return [Finding("stop", "rows", sentence, "Correct or delete them.", places)]


def _mixed(material: Material) -> list[Finding]:
    found = []
    for column in material.layout.columns:
        try:
            check_kinds(material.rows, column)
        except DataError as error:
            found.append(Finding("stop", "kinds", error.problem, error.hint))
    return found


def _empty(material: Material) -> list[Finding]:
    """Return prompt places that nothing fills, in rows that can be used all the same."""
    refused = {place for place, _ in material.unusable}
    found = []
    for column in columns(material.layout.prompt):
        places = tuple(
            place
            for row in material.rows
            if (place := Place(row.file, row.number)) not in refused and _is_empty(row, column)
        )
        if places:
            sentence = (
                f"The column {column!r} is empty in {counted(len(places), 'row')}: {named(places)}."
            )
            found.append(
                Finding("warn", "empty", sentence, "Fill it in or delete the row.", places)
            )
    return found


def _is_empty(row: Row, column: str) -> bool:
    value = cell(row, column)
    return value is None or (isinstance(value, str) and not value.strip())


def _has_marker(layout: Layout) -> Callable[[str], bool]:
    markers = markers_of(layout)
    return lambda text: any(m in text for m in markers) or MARK.search(text) is not None


def _has_blanks(text: str) -> bool:
    return bool(text.strip()) and text != text.strip()


def _is_damaged(text: str) -> bool:
    return DAMAGED.search(text) is not None
