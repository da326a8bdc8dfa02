"""Guesses before a run, scored after it: how well does a learner know what to expect?"""

from collections.abc import Mapping
from typing import Any

from .checking import Said
from .exercise import is_number
from .progress import read_progress, write_progress


def predict(name: str, **guesses: float | None) -> Said:
    """Keep what is expected of a run, before it begins; what is None is not guessed.

    Args:
        name: Where in the course, as `5`.
        guesses: Numbers by what they are about.
    """
    given = {
        key: float(value)
        for key, value in guesses.items()
        if value is not None and is_number(value)
    }
    if not given:
        return Said(
            "No prediction yet: put numbers in place of None. It costs nothing to be wrong."
        )
    found = read_progress()
    found["predictions"][name] = {key: {"guess": value} for key, value in given.items()}
    write_progress(found)
    shown = ", ".join(f"{key} {value:g}" for key, value in given.items())
    return Said(f"You expect: {shown}. Now run it.")


def scored(name: str, **measured: float) -> Said:
    """Return guesses beside what was measured, and keep both for `%lab calibration`.

    Args:
        name: As for `predict`.
        measured: Numbers by what they are about.
    """
    found = read_progress()
    guesses: dict[str, dict[str, Any]] = found["predictions"].get(name, {})
    if not guesses:
        shown = ", ".join(f"{key} {value:.3g}" for key, value in measured.items())
        return Said(f"Measured: {shown}. You made no prediction.")
    for key, value in measured.items():
        if key in guesses:
            guesses[key]["measured"] = float(value)
    write_progress(found)
    lines = [_line(key, value, guesses.get(key, {})) for key, value in measured.items()]
    return Said("\n".join(lines))


def _line(key: str, measured: float, guess: Mapping[str, float]) -> str:
    if "guess" not in guess:
        return f"{key}: measured {measured:.3g}"
    return f"{key}: you said {guess['guess']:.3g}, measured {measured:.3g}"


def pairs() -> list[tuple[str, float, float]]:
    """Return all predictions that were scored: what about, the guess, what was measured."""
    return [
        (f"{name} {key}", one["guess"], one["measured"])
        for name, of in read_progress()["predictions"].items()
        for key, one in of.items()
        if "measured" in one
    ]
