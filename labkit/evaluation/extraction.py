"""Extraction: a text's facts as a JSON object, compared field by field.

The reference is a JSON object. Each field counts as (field, value) pairs: one for a single value,
one for each element of a list, so that the order of keys and elements does not matter; fields of
an inner object are named `outer.inner`. Values are compared as text with case folded and blanks
collapsed: `5`, `5.0` and `"5"` are the same. `null` and empty lists say nothing, and count nothing.

An answer is read leniently: the first JSON object in it is taken, whatever stands around it. But
only an answer that is a JSON object as a whole, blanks and one code fence aside, counts as valid.
Without any object an answer says nothing, so it costs recall and no precision.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from ..errors import DataError
from .measure import Texts, with_ones

Pairs: TypeAlias = "Counter[tuple[str, str]]"
"""How often each (field, value) pair is said."""

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)\s*```", re.DOTALL)


def valid_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return whether each answer is a JSON object as a whole, and 1."""
    return with_ones([whole_object(answer) is not None for answer in answers])


def field_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return `(rows, 3)`: pairs that are right, pairs that were said, pairs that were wanted.

    Raises:
        DataError: A reference is no JSON object.
    """
    wanted = [pairs(reference_object(r, row)) for row, r in enumerate(references, 1)]
    said = [pairs(first_object(answer) or {}) for answer in answers]
    return overlap_counts(said, wanted)


def overlap_counts(said: list[Counter[Any]], wanted: list[Counter[Any]]) -> np.ndarray:
    """Return `(rows, 3)`: how many are in both, said and wanted, each as often as it occurs."""
    both = zip(said, wanted, strict=True)
    return np.array([((s & w).total(), s.total(), w.total()) for s, w in both], float)


def precision(sums: np.ndarray) -> np.ndarray:
    """Return the share of what was said that is right; 1 where nothing was said or wanted."""
    return _over(sums, sums[..., 1])


def recall(sums: np.ndarray) -> np.ndarray:
    """Return the share of what was wanted that was said; 1 where nothing was said or wanted."""
    return _over(sums, sums[..., 2])


def f1(sums: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of both; 1 where nothing was said or wanted."""
    return _over(sums, (sums[..., 1] + sums[..., 2]) / 2)


def _over(sums: np.ndarray, count: np.ndarray) -> np.ndarray:
    nothing = (sums[..., 1] + sums[..., 2]) == 0
    shares: np.ndarray = np.where(nothing, 1.0, sums[..., 0] / np.where(count > 0, count, 1))
    return shares


def whole_object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is, blanks and one code fence aside; None if it is none."""
    text = text.strip()
    fence = _FENCE.fullmatch(text)
    try:
        found = json.loads(fence[1] if fence else text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def first_object(text: str) -> dict[str, Any] | None:
    """Return the first JSON object in a text; None if there is none."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            found: dict[str, Any] = decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
        return found
    return None


def reference_object(text: str, row: int) -> dict[str, Any]:
    """Return the object that a reference is."""
    found = whole_object(text)
    if found is None:
        raise DataError(
            f"The reference of an extraction must be a JSON object; row {row} has {text[:60]!r}.",
            hint='Write completions as {"field": "value"}, or choose task: generation.',
        )
    return found


def pairs(fields: dict[str, Any]) -> Pairs:
    """Return an object's (field, value) pairs and how often each occurs."""
    return Counter(_pairs(fields, ""))


def _pairs(value: Any, name: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _pairs(inner, f"{name}.{normal(key)}" if name else normal(key))
    elif isinstance(value, list):
        for element in value:
            yield from [(name, normal(element))] if element is not None else []
    elif value is not None:
        yield name, normal(value)


def normal(value: Any) -> str:  # noqa: ANN401 - JSON value
    """Return a value as text to compare: case folded, blanks collapsed, whole floats as integers.

    An inner object or list becomes its JSON with sorted keys, so it is right as a whole or not.
    """
    if isinstance(value, (dict, list)):
        value = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).casefold().split())


def _refuse(name: str) -> Any:  # noqa: ANN401 - the decoder's hook
    raise ValueError(name)  # NaN and Infinity are no JSON; caught above
