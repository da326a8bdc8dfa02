"""The course: exercises that are checked, hinted and solved; progress, pace and passport.

Everything ships with the package, so that a lab needs no file beside its notebook, and a learner's
copy of a notebook cannot break a check.
"""

from .checking import CourseError, check, check_variables, hint, reset, skip, solution
from .copying import copy_labs
from .doctor import doctor
from .exercise import Exercise, Outcome, Trap
from .exercises import all_exercises, find_exercise
from .learner import own_seed
from .overview import calibration, progress
from .pace import measured, pace
from .passport import passport, restore
from .predictions import predict, scored
from .shown import Shown

__all__ = [
    "CourseError",
    "Exercise",
    "Outcome",
    "Shown",
    "Trap",
    "all_exercises",
    "calibration",
    "check",
    "check_variables",
    "copy_labs",
    "doctor",
    "find_exercise",
    "hint",
    "measured",
    "own_seed",
    "pace",
    "passport",
    "predict",
    "progress",
    "reset",
    "restore",
    "scored",
    "skip",
    "solution",
]
