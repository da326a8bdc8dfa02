"""A mapping of the record as labelled values, or as a table where it holds mappings."""

from collections.abc import Mapping
from typing import Any

from . import words
from .blocks import Block, Facts, Table


def grid(title: str, found: Any) -> list[Block]:  # noqa: ANN401 - JSON values
    """Return a mapping as labelled values, or as a table where it holds mappings.

    Args:
        title: What is shown.
        found: Values by name, or by name and key.
    """
    if not isinstance(found, Mapping) or not found:
        return []
    models = {key: value for key, value in found.items() if isinstance(value, Mapping)}
    flat = [key for key in found if key not in models]
    facts = tuple((words.name(key), words.value_of(key, found[key])) for key in flat)
    seen = dict.fromkeys(key for values in models.values() for key in values)
    rows = tuple(
        (words.name(key), *(words.value_of(key, values.get(key)) for values in models.values()))
        for key in seen
    )
    blocks: list[Block] = [Table(title, ("", *models), rows)] if rows else []
    return blocks + ([Facts("" if rows else title, facts)] if facts else [])
