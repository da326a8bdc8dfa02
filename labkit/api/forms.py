"""Rating forms as tables: written for any spreadsheet, read back with every cell checked."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError, listed
from ..files import write_text

CRITERIA = ("helpful", "correct", "fluent")
"""What each answer is judged by, from 1 (not at all) to 5 (fully)."""

SIDES = ("A", "B")
PREFERRED = "preferred"
CHOICES = ("A", "B", "same")
"""Which answer a rater would rather have."""

MARKS = tuple(f"{criterion} {side}" for side in SIDES for criterion in CRITERIA)
"""The columns with a number from 1 to 5."""

COLUMNS = ("item", "prompt", "reference", "answer A", "answer B", *MARKS, PREFERRED)


@dataclass(frozen=True)
class Item:
    """One row of a form."""

    name: str
    """What ties it to the key; says nothing of its models."""

    prompt: str
    reference: str
    answers: tuple[str, str]
    """Answer A and answer B."""


@dataclass(frozen=True)
class Judgement:
    """What one rater found of one item."""

    item: str
    marks: dict[str, int]
    """A number from 1 to 5 by column, as `helpful A`."""

    preferred: str
    """`A`, `B` or `same`."""


def write_form(path: Path, items: Sequence[Item]) -> None:
    """Write an empty form: a row an item, cells to fill at the right."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for item in items:
        texts = (item.prompt, item.reference, *item.answers)
        table.writerow([item.name, *map(_harmless, texts), *[""] * (len(MARKS) + 1)])
    write_text(path, "\ufeff" + out.getvalue())  # with the mark, a spreadsheet reads UTF-8


def read_form(path: Path) -> list[Judgement]:
    """Return what a rater filled in.

    Raises:
        DataError: A column or a cell is missing, or no number from 1 to 5; row and column are said.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(
            f"The form {str(path)!r} cannot be read: {(error.strerror or str(error)).lower()}.",
            hint="Give the path of a filled form.",
        ) from error
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    head = [cell.strip() for cell in rows[0]] if rows else []
    missing = [name for name in ("item", *MARKS, PREFERRED) if name not in head]
    if missing:
        raise DataError(
            f"The form {path.name} has no column {missing[0]!r}.",
            hint="Fill in the form as rate wrote it; leave its first line as it is.",
        )
    filled = [(at, row) for at, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    return [_judgement(path, at, dict(zip(head, row, strict=False))) for at, row in filled]


def _judgement(path: Path, at: int, row: dict[str, str]) -> Judgement:
    cells = {name: row.get(name, "").strip() for name in (*MARKS, PREFERRED)}
    for name, cell in cells.items():
        if not cell:
            raise _refusal(path, at, name, "is empty")
    marks = {name: _mark(path, at, name, cells[name]) for name in MARKS}
    chosen = next((one for one in CHOICES if one.lower() == cells[PREFERRED].lower()), None)
    if chosen is None:
        raise _refusal(path, at, PREFERRED, f"must be {listed(CHOICES)}; got {cells[PREFERRED]!r}")
    return Judgement(row.get("item", "").strip(), marks, chosen)


def _mark(path: Path, at: int, name: str, cell: str) -> int:
    plain = cell.removesuffix(".0").removesuffix(",0")  # a spreadsheet may write 4 so
    if plain not in ("1", "2", "3", "4", "5"):
        raise _refusal(path, at, name, f"must be a whole number from 1 to 5; got {cell!r}")
    return int(plain)


def _refusal(path: Path, at: int, column: str, said: str) -> DataError:
    return DataError(
        f"The column {column!r} in row {at} of {path.name} {said}.",
        hint="Ask the rater to complete the form, or leave this form out.",
    )


def _delimiter(text: str) -> str:
    """Return what stands between the cells of the first line; spreadsheets differ by country."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _harmless(text: str) -> str:
    """Return a text that a spreadsheet shows and does not compute."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
