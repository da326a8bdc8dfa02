"""Spans of time as people write them: `60s`, `15m`, `2h`."""

import re

from ..errors import SpecError

TIME = re.compile(r"(\d+(?:\.\d+)?)([smh])")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def check_time(name: str, text: str | None) -> None:
    """Refuse a setting that is no span of time; None is none, and well.

    Raises:
        SpecError: It is not written so.
    """
    if text is not None and not TIME.fullmatch(text):
        raise SpecError(
            f"{name} must be a time in seconds, minutes or hours; got {text!r}.",
            hint="For example: 60s, or 2m.",
        )


def seconds_of(text: str) -> float:
    """Return the seconds of a span of time that was checked."""
    found = TIME.fullmatch(text)
    assert found is not None
    return float(found[1]) * SECONDS[found[2]]
