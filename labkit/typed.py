"""Values as one types them: into a cell, or as the words of a command."""

import json
import re
from typing import Any

from .errors import SpecError
from .yaml import parse_yaml

PLAIN = re.compile(r"[A-Za-z][\w.-]*")
"""Names that need no quotes in a list."""

WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def as_text(value: Any, kind: Any = None) -> str:  # noqa: ANN401 - any setting
    """Return a value as one types it: `5e-4`, `true`, `[q_proj, v_proj]`.

    Args:
        value: A setting's value; YAML reads its text back to the same one.
        kind: int rounds a float.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_item, value))}]"
    if isinstance(value, float):
        return f"{value:.0f}" if kind is int else _number(value)
    return _text(value) if isinstance(value, str) else str(value)


def _number(value: float) -> str:
    short = f"{value:g}" if abs(value) >= 0.001 or not value else _short(value)
    exact = short if float(short) == value else repr(value)
    return re.sub(r"e([+-]?)0*(\d)", r"e\1\2", exact).replace("e+", "e")


def _short(value: float) -> str:
    """Return a small number with the fewest digits that mean the same."""
    texts = (f"{value:.{digits}e}" for digits in range(17))
    return next(text for text in texts if float(text) == value)


def _item(value: Any) -> str:  # noqa: ANN401 - any setting
    text = str(value)
    is_plain = PLAIN.fullmatch(text) is not None and text.lower() not in WORDS
    return text if is_plain else _quoted(text)


def _text(value: str) -> str:
    try:
        is_plain = parse_yaml(f"x: {value}") == {"x": value}
    except SpecError:
        is_plain = False
    return value if is_plain else _quoted(value)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=not value.isprintable() and value.isascii())


def flag(name: str, value: Any) -> list[str]:  # noqa: ANN401 - any setting
    """Return a setting as the words of a command; a value that starts with - is joined to it."""
    word = f"--{name.replace('_', '-')}"
    if value is True:
        return [word]
    if isinstance(value, tuple):
        text = ",".join(value)
    elif isinstance(value, str):
        text = value.replace("\n", "\\n").replace("\t", "\\t") if "_template" in name else value
    else:
        text = as_text(value)
    return [f"{word}={text}"] if text.startswith("-") else [word, text]
