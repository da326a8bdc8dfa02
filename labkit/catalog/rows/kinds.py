"""What every maker of rows gives, and the order that it draws in."""

from collections.abc import Iterable
from hashlib import sha256

Row = dict[str, str]
"""Column → text."""

Splits = dict[str, list[Row]]
"""Split (train, validation, test) → its rows."""


def shuffled(texts: Iterable[str]) -> list[str]:
    """Return texts in an order that depends on each text alone, the same on every machine."""
    return sorted(texts, key=lambda text: sha256(text.encode()).digest())
