"""The words that keep a run with a fault from being taken for a normal one."""

from .. import faults
from ..run import Run
from .blocks import Block, Box

SENTENCE = "A fault was injected on purpose: these figures are of a spoiled run."


def faulty(run: Run) -> list[Block]:
    """Return what is said of a run with a fault, or one made from such a run."""
    if not faults.is_marked(run.path):
        return []
    steps = (
        f"Find out what is wrong:  %diagnose {run.name}",
        f"Check a guess:  labkit.faults.guess({run.name!r}, NAME)",
    )
    return [Box("A fault on purpose", SENTENCE, steps)]
