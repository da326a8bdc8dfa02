"""`%lab`: check, hint, solution, skip, reset; progress, pace, passport; doctor."""

from collections.abc import Callable
from typing import Any

from IPython.core.magic import line_magic, magics_class

from ... import course
from ...errors import SpecError, listed, near
from .shared import LabMagics, helpful, read_line


@magics_class
class CourseMagics(LabMagics):
    """The magic of the course."""

    @line_magic
    @helpful
    def lab(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """Work on an exercise; the options' help is put here below."""
        args = read_line("lab", line)
        variables = self.shell.user_ns
        of_exercise: dict[str, Callable[[str], Any]] = {
            "check": lambda number: course.check_variables(number, variables),
            "hint": course.hint,
            "solution": lambda number: course.solution(number, now=args.now),
            "skip": lambda number: course.skip(number, variables),
            "reset": lambda number: course.reset(number, variables),
        }
        whole: dict[str, Callable[[], Any]] = {
            "progress": course.progress,
            "calibration": course.calibration,
            "doctor": course.doctor,
            "passport": lambda: _passport(args.of),
            "pace": lambda: course.pace(_needed(args, "pace 12m 05"), args.lab or "05"),
        }
        if args.what in of_exercise:
            return of_exercise[args.what](_needed(args, f"{args.what} 5.1"))
        if args.what in whole:
            return whole[args.what]()
        known = [*of_exercise, *whole]
        raise SpecError(
            f"%lab has no {args.what!r}.",
            hint=near(args.what, known, f"There are {listed(known, 'and')}."),
        )


def _needed(args: Any, example: str) -> str:  # noqa: ANN401 - argparse's
    if args.of is None:
        raise SpecError(f"%lab {args.what} of what?", hint=f"For example %lab {example}")
    return str(args.of)


def _passport(token: str | None) -> str:
    if token is None:
        return course.passport()
    n = course.restore(token)
    return f"{n} exercise{'s' * (n != 1)} taken from the passport; see %lab progress."
