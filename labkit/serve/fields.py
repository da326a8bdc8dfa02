"""Fields of a request's JSON object, each of the type and in the range it must have."""

import json
from collections.abc import Mapping
from typing import Any

from .refusal import Refusal

Body = Mapping[str, Any]


def refuse(name: str, rule: str, value: object) -> Refusal:
    """Return the refusal of a field's value."""
    found = "nothing" if value is None else _short(json.dumps(value, ensure_ascii=False))
    hint = "Mend the request and send it again."
    return Refusal(f"{name} must be {rule}; got {found}.", hint, code="invalid_value", param=name)


def text(body: Body, name: str) -> str:
    """Return a text that must be there."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise refuse(name, "a text", value)
    return value


def texts(body: Body, name: str, *, at_most: int) -> tuple[str, ...]:
    """Return one text or a list of some; empty where it is left out."""
    value = body.get(name)
    found = [value] if isinstance(value, str) else [] if value is None else value
    if (
        not isinstance(found, list)
        or len(found) > at_most
        or not all(isinstance(one, str) and one for one in found)
    ):
        raise refuse(name, f"a text or a list of at most {at_most} texts, none empty", value)
    return tuple(found)


def truth(body: Body, name: str) -> bool:
    """Return true or false; false where it is left out."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise refuse(name, "true or false", value)
    return bool(value)


def whole(body: Body, name: str, *, at_least: int = 1) -> int | None:
    """Return a whole number of 64 bits, or None where it is left out."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not at_least <= value < 2**63:
        raise refuse(name, f"a whole number from {at_least} to 2**63 - 1", value)
    return value


def number(body: Body, name: str, default: float, *, at_most: float) -> float:
    """Return a number from 0 to `at_most`, or its default where it is left out."""
    value = body.get(name)
    if value is None:
        return default
    if type(value) not in (int, float) or not 0 <= value <= at_most:
        raise refuse(name, f"a number from 0 to {at_most:g}", value)
    return float(value)


def _short(shown: str) -> str:
    return shown if len(shown) <= 60 else shown[:57] + "..."
