"""What an inspection finds: one sentence, how much it matters, the rows, the next step."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ...errors import listed

Severity = Literal["stop", "warn", "hint"]
"""A run would refuse it; it harms the model or the measurement; worth knowing."""


class Place(NamedTuple):
    """Where a row stands."""

    where: str
    """Its split, or the file that holds it."""

    row: int
    """Row number in its source, from 1."""


@dataclass(frozen=True)
class Finding:
    """One thing that is off."""

    severity: Severity
    about: str
    """What it is about, in a word or two."""

    sentence: str
    """What was found, with its number and its rows."""

    advice: str = ""
    """The next step."""

    places: tuple[Place, ...] = ()
    """The rows, all of them."""


def named(places: Iterable[Place], most: int = 5) -> str:
    """Return rows as a person lists them: `rows 3 and 17 of train and 4 more`."""
    given = sorted(set(places))
    by_place: dict[str, list[str]] = {}
    for place in given[:most]:
        by_place.setdefault(place.where, []).append(str(place.row))
    parts = [
        f"row{'s' * (len(rows) > 1)} {listed(rows, 'and')} of {where}"
        for where, rows in by_place.items()
    ]
    more = [f"{len(given) - most} more"] if len(given) > most else []
    return listed([*parts, *more], "and")


def percent(share: float) -> str:
    """Return a share of 1 as per cent."""
    return f"{100 * share:.1f} %"


def counted(n: int, thing: str, things: str = "") -> str:
    """Return a number with its noun: `1 row`, `2 rows`."""
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def verb(n: int, one: str, many: str) -> str:
    """Return the verb that goes with `n` things."""
    return one if n == 1 else many
