"""What an exercise is: which answers are right, what is said to wrong ones, how it is hinted."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from ..report.drawing import GREY, RED

Kind = Literal["not attempted", "wrong", "error", "pass"]

SIGNS: Mapping[Kind, str] = {"not attempted": "○", "wrong": "✗", "error": "!", "pass": "✓"}
"""What stands before an outcome; its words say the same."""

COLOURS: Mapping[Kind, str] = {
    "not attempted": GREY,
    "wrong": RED,
    "error": RED,
    "pass": "#54a24b",
}
"""What stands beside it."""


@dataclass(frozen=True)
class Outcome:
    """What a check found."""

    exercise: str
    """Number of the exercise, as `5.1`."""

    kind: Kind
    """One of four."""

    why: str = ""
    """What is wrong with this answer, or what a right one shows."""

    def __repr__(self) -> str:
        said = f"{SIGNS[self.kind]} {self.exercise}: {self.kind}"
        return f"{said}. {self.why}" if self.why else said

    def _repr_html_(self) -> str:
        style = f"border-left:5px solid {COLOURS[self.kind]};padding:0.3em 1em;margin:0.4em 0"
        head = f"<b>{SIGNS[self.kind]} {escape(self.exercise)}: {self.kind}</b>"
        why = f"<br>{escape(self.why)}" if self.why else ""
        return f'<div class="labkit-outcome" style="{style}">{head}{why}</div>'


@dataclass(frozen=True)
class Trap:
    """A wrong answer that many give."""

    example: Callable[[], Any]
    """Makes one."""

    why: str
    """What is said to it."""

    matches: Callable[[Any], bool]
    """Whether an answer is this one."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lab.

    An answer is the value of its variable, or of several a tuple in their order.
    """

    number: str
    """As `5.1`: lab and place."""

    title: str
    """A few words."""

    names: tuple[str, ...]
    """Variables that the answer is put into."""

    form: str
    """What an answer looks like, as `a number`."""

    has_form: Callable[[Any], bool]
    """Whether an answer looks like that."""

    is_right: Callable[[Any], bool]
    """Whether an answer of that form is right."""

    traps: tuple[Trap, ...]
    """Wrong answers that are expected."""

    otherwise: str | Callable[[Any], str]
    """What is said to any other wrong answer, or what finds it."""

    hints: tuple[str, ...]
    """From the mildest to the most telling; two at least."""

    praise: str = ""
    """What a right answer shows."""

    @property
    def lab(self) -> str:
        """Number of its lab, as `05`."""
        return f"{int(self.number.split('.')[0]):02d}"

    def judge(self, answer: Any) -> Outcome:  # noqa: ANN401 - a learner's
        """Return what an answer is worth; never raises."""
        several = isinstance(answer, tuple) and len(answer) == len(self.names) > 1
        if answer is None or (several and any(part is None for part in answer)):
            return Outcome(self.number, "not attempted")
        try:
            return self._judged(answer)
        except Exception as error:  # noqa: BLE001 - a learner's object may do anything
            return Outcome(self.number, "error", f"{type(error).__name__}: {error}")

    def _judged(self, answer: Any) -> Outcome:  # noqa: ANN401
        if not self.has_form(answer):
            why = f"The answer must be {self.form}; got {_short(answer)}."
            return Outcome(self.number, "error", why)
        if self.is_right(answer):
            return Outcome(self.number, "pass", self.praise)
        for trap in self.traps:
            if trap.matches(answer):
                return Outcome(self.number, "wrong", trap.why)
        why = self.otherwise if isinstance(self.otherwise, str) else self.otherwise(answer)
        return Outcome(self.number, "wrong", why)


def said(answer: Any) -> str:  # noqa: ANN401 - a learner's
    """Return a word that answers as it is compared: case and spaces around it do not count."""
    return str(answer).strip().lower()


def is_number(answer: Any) -> bool:  # noqa: ANN401
    """Whether an answer is a real number, of Python, NumPy or text that reads as one."""
    try:
        return not isinstance(answer, bool) and math.isfinite(float(answer))
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True)
class About:
    """What any exercise has, whatever its answer is."""

    number: str
    """As `5.1`."""

    title: str
    """A few words."""

    name: str
    """The variable."""

    hints: tuple[str, ...]
    """Two at least."""

    praise: str = ""
    """What a right answer shows."""


def number(
    about: About,
    right: float | Callable[[], float],
    traps: Mapping[float | Callable[[], float], str],
    otherwise: str,
    *,
    within: float = 1e-6,
) -> Exercise:
    """Return an exercise whose answer is a number.

    Args:
        about: What it is.
        right: The number, or what finds it in a run.
        traps: What is said to wrong numbers.
        otherwise: What is said to any other number.
        within: How far off an answer may be, as a share of the right one.
    """

    def near(value: float | Callable[[], float], answer: Any) -> bool:  # noqa: ANN401
        return math.isclose(float(answer), _value(value), rel_tol=within, abs_tol=1e-12)

    def as_trap(value: float | Callable[[], float], why: str) -> Trap:
        return Trap(lambda: _value(value), why, lambda answer: near(value, answer))

    made = tuple(as_trap(value, why) for value, why in traps.items())
    return Exercise(
        about.number,
        about.title,
        (about.name,),
        "a number",
        is_number,
        lambda answer: near(right, answer),
        made,
        otherwise,
        about.hints,
        about.praise,
    )


def choice(about: About, right: str, wrong: Mapping[str, str]) -> Exercise:
    """Return an exercise whose answer is one of several words; each wrong one has its reason."""
    options = sorted([right, *wrong])

    def as_trap(option: str, why: str) -> Trap:
        return Trap(lambda: option, why, lambda answer: said(answer) == option)

    return Exercise(
        about.number,
        about.title,
        (about.name,),
        f"one of {', '.join(map(repr, options))}",
        lambda answer: said(answer) in options,
        lambda answer: said(answer) == right,
        tuple(as_trap(option, why) for option, why in wrong.items()),
        "",
        about.hints,
        about.praise,
    )


def trap(example: Any, why: str, matches: Callable[[Any], bool] | None = None) -> Trap:  # noqa: ANN401
    """Return a wrong answer of any form; left out, `matches` is equality with the example."""
    make = example if callable(example) else lambda: example
    return Trap(make, why, matches or (lambda answer: bool(answer == make())))


def _value(value: float | Callable[[], float]) -> float:
    return float(value() if callable(value) else value)


def _short(answer: Any) -> str:  # noqa: ANN401
    shown = repr(answer)
    return f"{type(answer).__name__} {shown if len(shown) < 60 else shown[:57] + '…'}"
