"""Rows that stand twice: across splits refused, within one split counted."""

from ..errors import DataError
from .examples import Example
from .labels import Parts
from .split import identity


def refuse_leaks(parts: Parts) -> None:
    """Refuse a prompt that stands in more than one split: its answer would be known."""
    first: dict[str, tuple[str, Example]] = {}
    leaks = []
    for split, part in parts.items():
        for example in part:
            other, twin = first.setdefault(identity(example), (split, example))
            if other != split:
                leaks.append((other, twin.row, split, example.row))
    if leaks:
        other, row, split, twin_row = leaks[0]
        more = f"; {len(leaks)} such rows in all" if len(leaks) > 1 else ""
        raise DataError(
            f"Row {row} of {other} and row {twin_row} of {split} have the same prompt{more}.",
            hint=f"Delete them from one side, or leave out {split} and let a share be cut.",
        )


def duplicate_notes(parts: Parts) -> list[str]:
    """Return a note per split in which whole rows stand more than once."""
    notes = []
    for split, part in parts.items():
        first: dict[tuple[str, str], Example] = {}
        twins = [
            (first[key], example)
            for example in part
            if first.setdefault(key := (identity(example), example.completion), example)
            is not example
        ]
        if twins:
            one, other = twins[0]
            notes.append(
                f"{len(twins)} rows of {split} repeat an earlier row and were kept, such as row "
                f"{other.row} (as row {one.row})."
            )
    return notes
