"""The time there is: fewer steps for the runs of a lab that are still to come."""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import SpecError
from ..run import run_called
from .checking import Said

MEASURED = Path(__file__).with_name("measured.json")
"""Minutes, memory and the runs' seconds of each lab; written by scripts/build_labs.py."""

PACE = "LABKIT_PACE"
"""Environment variable: the share of its steps that a run takes."""

UNITS = {"s": 1, "m": 60, "h": 3600}


def pace(time: str, lab: str) -> Said:
    """Let the runs of a lab that are still to come fit into a time, by taking fewer steps.

    Args:
        time: As `12m`, `90s`; `all` takes the steps back that the lab asks for.
        lab: Its number, as `05`.

    Raises:
        SpecError: The time or the lab is none.
    """
    if time == "all":
        os.environ.pop(PACE, None)
        return Said("The runs take all their steps again.")
    seconds, runs = _seconds(time), measured(lab)["runs"]
    left = sum(needs for name, needs in runs.items() if not _is_done(name))
    share = min(1.0, seconds / left) if left else 1.0
    os.environ[PACE] = f"{share:.3f}"
    if share == 1.0:
        return Said(f"There is time enough: the runs to come take about {left / 60:.0f} minutes.")
    return Said(
        f"The runs to come took {left / 60:.0f} minutes where they were measured; they now take "
        f"{share:.0%} of their steps. Their figures will be lower than the text says."
    )


def measured(lab: str) -> dict[str, Any]:
    """Return what was measured when a lab was built.

    Raises:
        SpecError: There is no such lab.
    """
    known = all_measured()
    number = f"{int(lab):02d}" if lab.isdigit() else lab
    if number not in known:
        raise SpecError(f"There is no lab {lab!r}.", hint=f"Labs: {', '.join(known)}.")
    return dict(known[number])


@cache
def all_measured() -> dict[str, dict[str, Any]]:
    """Return what was measured of each lab, by number."""
    found: dict[str, dict[str, Any]] = json.loads(MEASURED.read_text(encoding="utf-8"))
    return found


def _seconds(time: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", time.strip())
    if not found or not float(found[1]):
        raise SpecError(f"A time must be like 12m, 90s or 1h; got {time!r}.", hint="%lab pace 12m")
    return float(found[1]) * UNITS[found[2]]


def _is_done(name: str) -> bool:
    run = run_called(name)
    return run is not None and run.status == "done"
