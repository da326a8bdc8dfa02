"""What a learner calls in a lab: check, hint, solution, skip, reset."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import LabError
from .exercise import Exercise, Outcome
from .exercises import find_exercise
from .progress import EMPTY, note_exercise, note_outcome, of_exercise

ANSWERS = Path(__file__).with_name("answers.json")
"""Code that answers each exercise, by number; written by scripts/build_labs.py."""


class CourseError(LabError):
    """There is no such exercise, or nothing to show of it."""


class Said(str):
    """A text that shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def check(number: str, *answers: Any) -> Outcome:  # noqa: ANN401 - a learner's
    """Return what an answer to an exercise is worth: `check("5.1", counts)`.

    Never raises for an answer, whatever it is. What was found is kept for `%lab progress`.

    Args:
        number: Number of the exercise.
        answers: Values of its variables, in their order.

    Raises:
        CourseError: There is no such exercise, or it has another number of variables.
    """
    exercise = find_exercise(number)
    if len(answers) != len(exercise.names):
        raise CourseError(
            f"Exercise {number} has {len(exercise.names)} variables "
            f"({', '.join(exercise.names)}); got {len(answers)} values.",
            hint=f'check("{number}", {", ".join(exercise.names)})',
        )
    outcome = exercise.judge(answers[0] if len(answers) == 1 else tuple(answers))
    note_outcome(number, outcome.kind, outcome.why)
    return outcome


def check_variables(number: str, variables: dict[str, Any]) -> Outcome:
    """Return what `check` does, its answers taken from variables by name."""
    return check(number, *(variables.get(name) for name in find_exercise(number).names))


def hint(number: str) -> Said:
    """Return the next hint to an exercise; after the last one, the last once more."""
    exercise = find_exercise(number)
    at = min(of_exercise(number)["hints"], len(exercise.hints) - 1)
    note_exercise(number, hints=at + 1)
    return Said(f"Hint {at + 1} of {len(exercise.hints)} to {number}: {exercise.hints[at]}")


def solution(number: str, *, now: bool = False) -> Said:
    """Return the code that answers an exercise, after a try or when asked for with `now`."""
    code = _code(find_exercise(number))
    if not of_exercise(number)["attempts"] and not now:
        return Said(
            f"Try {number} once first; %lab hint {number} helps. "
            f"To see the solution all the same: %lab solution {number} --now"
        )
    note_exercise(number, solution=True)
    return Said(code)


def skip(number: str, variables: dict[str, Any]) -> Said:
    """Put the right answer into the exercise's variables, so that the lab can go on."""
    exercise = find_exercise(number)
    exec(_code(exercise), variables)
    note_exercise(number, skipped=True)
    return Said(f"{number} is skipped; {', '.join(exercise.names)} now hold the right answer.")


def reset(number: str, variables: dict[str, Any]) -> Said:
    """Empty the exercise's variables and forget its tries; that a solution was shown stays."""
    exercise = find_exercise(number)
    for name in exercise.names:
        variables[name] = None
    kept = {name: of_exercise(number)[name] for name in ("hints", "solution", "wrong")}
    note_exercise(number, **{**EMPTY, **kept})
    return Said(f"{number} is as new: {', '.join(exercise.names)} hold nothing.")


@cache
def _codes() -> dict[str, str]:
    codes: dict[str, str] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return codes


def _code(exercise: Exercise) -> str:
    if exercise.number not in _codes():
        raise CourseError(
            f"Exercise {exercise.number} has no solution to show.",
            hint="It asks for your own judgement; compare it with the text below it.",
        )
    return _codes()[exercise.number]
