"""Panels: what the magics do, with the mouse; they read runs, and none of them is one."""

from typing import TYPE_CHECKING

from ..run import Run

if TYPE_CHECKING:
    from .follow import RunPanel


def run(name: str | Run) -> "RunPanel":
    """Return the panel of a run: how it goes on, wherever it was started, with stop and resume.

    Args:
        name: Name of the run, or the run.
    """
    from .follow import RunPanel

    return RunPanel(name)
