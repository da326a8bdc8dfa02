"""All exercises of the course, by lab."""

from functools import cache
from importlib import import_module
from pathlib import Path

from ...errors import SpecError, near
from ..exercise import Exercise


@cache
def all_exercises() -> tuple[Exercise, ...]:
    """Return all exercises, in the order of the labs."""
    files = sorted(Path(__file__).parent.glob("lab*.py"))
    modules = [import_module(f"{__name__}.{file.stem}") for file in files]
    return tuple(exercise for module in modules for exercise in module.EXERCISES)


def find_exercise(number: str) -> Exercise:
    """Return the exercise of a number.

    Raises:
        SpecError: There is none.
    """
    known = {exercise.number: exercise for exercise in all_exercises()}
    if str(number) in known:
        return known[str(number)]
    raise SpecError(
        f"There is no exercise {number!r}.",
        hint=near(str(number), known, f"The course has {', '.join(known)}."),
    )
