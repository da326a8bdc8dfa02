"""What a run will need, before it starts: memory, time, disk; a model of the work, calibrated here.

Only `probe` needs torch, so that a notebook can ask for a forecast that was calibrated before.
"""

from .anatomy import Anatomy, anatomy
from .calibration import Calibration, known, remember
from .changes import changed
from .forecast import Case, Estimate, Forecast, forecast, steps_within
from .lighter import Option, lighter, summary
from .shapes import Rows

__all__ = [
    "Anatomy",
    "Calibration",
    "Case",
    "Estimate",
    "Forecast",
    "Option",
    "Rows",
    "anatomy",
    "changed",
    "forecast",
    "known",
    "lighter",
    "remember",
    "steps_within",
    "summary",
]
