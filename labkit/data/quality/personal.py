"""Personal data in the rows, as far as its form gives it away; shown masked, never whole."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .checksums import (
    IBAN_LENGTHS,
    digits_of,
    is_card,
    is_estonian,
    is_hetu,
    is_iban,
    is_ip,
    is_slovenian,
    is_swedish,
)
from .findings import Finding, Place, counted, named
from .material import Material
from .values import texts_of


class Kind(NamedTuple):
    """A form of personal data."""

    name: str
    names: str
    pattern: re.Pattern[str]
    is_so: Callable[[str], bool]
    """Decides over what the pattern finds."""


@dataclass(frozen=True)
class Personal:
    """What of one kind stands in the rows."""

    name: str
    names: str
    n: int
    """How many times."""

    places: tuple[Place, ...]
    """The rows, each once."""

    masked: tuple[str, ...]
    """The first few values, masked."""


def _is_phone(text: str) -> bool:
    return 8 <= len(digits_of(text)) <= 15


def _always(text: str) -> bool:
    return True


def _kind(name: str, names: str, pattern: str, is_so: Callable[[str], bool]) -> Kind:
    return Kind(name, names, re.compile(rf"(?<![\w@])(?:{pattern})(?!\w)"), is_so)


_IBAN = "|".join(f"{land}(?: ?[A-Z0-9]){{{n - 2}}}" for land, n in IBAN_LENGTHS.items())

KINDS = (
    _kind("e-mail address", "e-mail addresses",
          r"[\w.+-]+@(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}", _always),
    _kind("IBAN", "IBANs", _IBAN, is_iban),
    _kind("Finnish identity code", "Finnish identity codes",
          r"\d{6}[+\-A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", is_hetu),
    _kind("payment card number", "payment card numbers", r"\d(?:[ -]?\d){12,18}", is_card),
    _kind("Slovenian identity number (EMŠO)", "Slovenian identity numbers (EMŠO)",
          r"\d{13}", is_slovenian),
    _kind("Estonian personal code", "Estonian personal codes", r"\d{11}", is_estonian),
    _kind("Swedish personal number", "Swedish personal numbers",
          r"(?:\d{2})?\d{6}[-+]\d{4}", is_swedish),
    _kind("IP address", "IP addresses",
          r"(?:(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\.\d)"
          r"|(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4})", is_ip),
    _kind("phone number", "phone numbers",
          r"(?:(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,4}\)?){2,6}"
          r"|0\d{1,3}[ /-]\d{3,4}[ -]?\d{2,4}(?:[ -]?\d{2,4})?"
          r"|\(?\d{3}\)?[ -]\d{3}-\d{4})", _is_phone),
)  # fmt: skip
"""From what is surest to what is least sure; a part of a text counts once."""


def personal_of(material: Material) -> tuple[Personal, ...]:
    """Return the personal data in the used columns of all rows, kind by kind."""
    found: dict[str, list[tuple[Place, str]]] = {}
    for row in material.rows:
        for _, text in texts_of(row, material.layout):
            for kind, value in personal_in(text):
                found.setdefault(kind.name, []).append((Place(row.file, row.number), value))
    return tuple(_summed(kind, found[kind.name]) for kind in KINDS if kind.name in found)


def personal_in(text: str) -> Iterator[tuple[Kind, str]]:
    """Return the personal data that stands in a text."""
    if not _MAY.search(text):
        return
    for kind in KINDS:
        hits = [match for match in kind.pattern.finditer(text) if kind.is_so(match[0])]
        for match in hits:
            yield kind, match[0]
            text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]


_MAY = re.compile(r"@|\d\D{0,2}\d|:")
"""What every form has; most texts have none, and are done."""


def masked(value: str) -> str:
    """Return a value of which only the first two characters can be read."""
    return value[:2] + "•" * 6


def personal_findings(personal: tuple[Personal, ...]) -> list[Finding]:
    """Return a finding per kind of personal data."""
    return [
        Finding(
            "warn",
            "personal data",
            f"{counted(of.n, of.name, of.names)} ({', '.join(of.masked)}) in {named(of.places)}.",
            "Replace them before training: a model can repeat what it has read.",
            of.places,
        )
        for of in personal
    ]


def _summed(kind: Kind, hits: list[tuple[Place, str]]) -> Personal:
    places = tuple(dict.fromkeys(place for place, _ in hits))
    values = tuple(dict.fromkeys(masked(value) for _, value in hits))
    return Personal(kind.name, kind.names, len(hits), places, values[:3])
