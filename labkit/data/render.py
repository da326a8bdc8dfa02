"""Rows → examples: every value checked, every template filled."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..errors import DataError
from .chats import chat_example
from .examples import Example
from .formats import kind_name
from .layouts import Layout
from .tables import Row
from .templates import columns, fill, join, starts


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Return the columns of all rows, in order of appearance."""
    return list(dict.fromkeys(column for row in rows for column in row.values))


def render(rows: Sequence[Row], layout: Layout) -> list[Example]:
    """Return one example per row, or say which row is wrong and why."""
    if layout.chat:
        return [chat_example(row) for row in rows]
    for column in layout.columns:
        check_kinds(rows, column)
    return [_example(row, layout) for row in rows]


def check_kinds(rows: Sequence[Row], column: str) -> None:
    """Refuse a column that holds numbers among texts, or the like."""
    kinds = Counter(kind_name(cell(row, column)) for row in rows)
    kinds.pop("nothing", None)
    if len(kinds) < 2:
        return
    usual = kinds.most_common(1)[0][0]
    row = next(r for r in rows if kind_name(cell(r, column)) not in (usual, "nothing"))
    value = row.values[column]
    raise DataError(
        f"The column {column!r} holds {usual}, but {row.name} has {kind_name(value)} there: "
        f"{_short(value)}.",
        hint="Make all of them the same kind.",
    )


def cell(row: Row, column: str) -> object:
    """Return a value of a row; NaN, which JSON and tables use for nothing, is None."""
    value = row.values.get(column)
    return None if isinstance(value, float) and math.isnan(value) else value


def text_of(row: Row, column: str) -> str:
    """Return a cell as text; nothing becomes an empty text."""
    value = cell(row, column)
    if value is None:
        return ""
    if _is_nested(value):
        raise DataError(
            f"The column {column!r} must hold text; {row.name} has {kind_name(value)}: "
            f"{_short(value)}.",
            hint="Turn it into text first, or use a column that is text.",
        )
    return _encodable(str(value), row, column)


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping | bytes | Sequence) and not isinstance(value, str)


def _encodable(text: str, row: Row, column: str) -> str:
    r"""Refuse half of a surrogate pair, which JSON's `\ud83d` can smuggle in."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"The column {column!r} holds half a character ({text[error.start]!a}) in {row.name}.",
            hint="Write the whole character, or delete it.",
        ) from error
    return text


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _example(row: Row, layout: Layout) -> Example:
    texts = {column: text_of(row, column) for column in layout.columns}
    _check_filled(row, layout, texts)
    prompt, completion = join(fill(layout.prompt, texts), fill(layout.completion, texts))
    longest = max(columns(layout.prompt), key=lambda column: len(texts[column]), default="")
    places = starts(layout.prompt, texts, longest)
    given = texts.get(longest, "")
    other = _rejected(row, layout, texts, completion) if layout.rejected else None
    return Example(prompt, completion, None, row.number, None, given, places, other)


def _rejected(row: Row, layout: Layout, texts: Mapping[str, str], chosen: str) -> str:
    """Return the rejected completion of a row; one like the chosen one teaches nothing."""
    rejected = join(fill(layout.prompt, texts), fill(layout.rejected, texts))[1]
    if rejected.strip() == chosen.strip():
        raise DataError(
            f"The chosen and the rejected completion are the same in {row.name}: "
            f"{_short(chosen.strip())}.",
            hint="Delete the row, or correct one of them.",
        )
    return rejected


def _check_filled(row: Row, layout: Layout, texts: Mapping[str, str]) -> None:
    """Refuse an empty completion and a prompt in which nothing was filled in."""
    asked = columns(layout.prompt)
    learned = columns((*layout.completion, *layout.rejected))
    empty = [column for column in learned if not texts[column].strip()]
    if asked and not any(texts[column].strip() for column in asked):
        empty = [*asked, *empty]
    if empty:
        raise DataError(
            f"The column {empty[0]!r} is empty in {row.name}.", hint="Fill it in or delete the row."
        )


def render_notes(rows: Sequence[Row], layout: Layout, examples: Sequence[Example]) -> list[str]:
    """Return what a reader should know of rows that could be used."""
    notes = []
    for column in columns(layout.prompt):
        blank = [row.name for row in rows if not text_of(row, column).strip()]
        if blank:
            notes.append(f"The column {column!r} is empty in {len(blank)} rows ({blank[0]} first).")
    touching = [example for example in examples if _touch(example)]
    if touching:
        first = touching[0]
        notes.append(
            f"Prompt and completion meet without a blank in {len(touching)} rows, as in row "
            f"{first.row}: {first.prompt[-12:] + first.completion[:12]!r}; templates put one there."
        )
    return notes


def _touch(example: Example) -> bool:
    ends = example.prompt[-1:] + example.completion[:1]
    return example.messages is None and len(ends) == 2 and ends.isalnum()
