"""Entities: named pieces of a text, each right only as a whole (CoNLL-2003; seqeval).

A reference, and so an answer, has one of two forms. Tags: one per word, `O B-PER I-PER`; an
entity is right when type, first and last word are. JSON: `{"entities": [{"type", "text"}]}`; an
entity is right when type and text are, each as often as the reference has it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, TypeAlias

import numpy as np

from ..errors import DataError
from .extraction import first_object, normal, overlap_counts, whole_object
from .measure import Texts

Entities: TypeAlias = "Counter[tuple[Any, ...]]"
"""How often each entity occurs: (type, text), or (type, first word, last word)."""

_TAG = re.compile(r"O|[BIES]-\S+")


def entity_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return `(rows, 3)`: entities that are right, that were said, that were wanted.

    Raises:
        DataError: A reference has neither form.
    """
    wanted = [_wanted(text, row) for row, text in enumerate(references, 1)]
    both = zip(answers, references, strict=True)
    said = [tagged(a) if is_tagged(r) else listed(first_object(a)) for a, r in both]
    return overlap_counts(said, wanted)


def has_entities(references: Texts) -> bool:
    """Say whether every reference has one of the two forms."""
    return bool(references) and all(is_tagged(r) or _is_listed(r) for r in references)


def is_tagged(text: str) -> bool:
    """Say whether a text is a sequence of tags and nothing else."""
    return bool(text.split()) and all(_TAG.fullmatch(tag) for tag in text.split())


def tagged(text: str) -> Entities:
    """Return the entities of a sequence of tags; a word that is no tag counts as `O`."""
    from seqeval.metrics.sequence_labeling import get_entities

    tags = [tag if _TAG.fullmatch(tag) else "O" for tag in text.split()]
    return Counter(get_entities(tags))


def listed(found: dict[str, Any] | None) -> Entities:
    """Return the entities of an object's list; an element that is no entity is wrong as a whole."""
    items = (found or {}).get("entities")
    return Counter(map(_entity, items)) if isinstance(items, list) else Counter()


def _entity(item: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON value
    if isinstance(item, dict) and {"type", "text"} <= item.keys():
        return normal(item["type"]), normal(item["text"])
    return (normal(item),)


def _wanted(text: str, row: int) -> Entities:
    if is_tagged(text):
        return tagged(text)
    if _is_listed(text):
        return listed(whole_object(text))
    raise DataError(
        f"A reference with entities must be tags or a JSON list; row {row} has {text[:60]!r}.",
        hint='Write "O B-PER I-PER" or {"entities": [{"type": "PER", "text": "Ada"}]}; '
        "for other fields take the metric field_f1.",
    )


def _is_listed(text: str) -> bool:
    return isinstance((whole_object(text) or {}).get("entities"), list)
