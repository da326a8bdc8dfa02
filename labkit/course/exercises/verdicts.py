"""Exercises in which two runs of a lab are compared by their intervals."""

from typing import Any

from ...run import Run
from ..exercise import About, Exercise, said, trap

WORDS = ("better", "worse", "not shown")


def verdict(first: str, second: str) -> str:
    """Return which of WORDS holds for one run beside another."""
    one, other = _interval(first), _interval(second)
    if one[0] > other[1]:
        return "better"
    return "worse" if one[1] < other[0] else "not shown"


def compared(about: About, first: str, second: str) -> Exercise:
    """Return an exercise that asks whether the first run is better than the second."""

    def word(answer: Any) -> str:  # noqa: ANN401 - a learner's
        return said(answer).replace("_", " ")

    def right() -> str:
        return verdict(first, second)

    def opposite() -> str:
        return "worse" if right() != "worse" else "better"

    return Exercise(
        about.number,
        about.title,
        (about.name,),
        f"one of {', '.join(map(repr, WORDS))}",
        lambda answer: word(answer) in WORDS,
        lambda answer: word(answer) == right(),
        (
            trap(
                opposite,
                "An interval that ends above where the other one begins shows no difference that way.",
                lambda answer: word(answer) == opposite(),
            ),
            trap(
                lambda: next(one for one in ("not shown", "better") if one != right()),
                "Compare the ends: one interval is better only if its low end is above the other's high end; where "
                "it is, a difference is shown.",
                lambda answer: word(answer) != right(),
            ),
        ),
        "Compare the low end of one interval with the high end of the other.",
        about.hints,
        about.praise,
    )


def _interval(name: str) -> tuple[float, float]:
    low, high = Run(name).metrics["tuned"]["interval"]
    return low, high
