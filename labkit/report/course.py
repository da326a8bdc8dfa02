"""How a training went beside its losses, as blocks: what the curve says, the schedule, the use."""

from ..run import Run
from ..spec import FinetuneSpec
from . import measured
from .blocks import Block, Lines, Picture


def signs(run: Run) -> list[Block]:
    """Return what the loss curve said while it was drawn, as overfitting."""
    said = measured.signs(run)
    return [Lines("What the loss curve says", tuple(said), folded=False)] if said else []


def schedule(run: Run) -> list[Block]:
    """Return the learning rate of each step, as soon as the number of steps is known."""
    from .chart_schedule import schedule_picture

    spec, plan = run.spec, run.last("plan") or {}
    if not isinstance(spec, FinetuneSpec) or not plan.get("max_steps"):
        return []
    return [schedule_picture(spec, steps=int(plan["max_steps"]))]


def resources(run: Run) -> list[Block]:
    """Return what the run used of the machine, over time."""
    from .chart_resources import resources as used_by
    from .chart_resources import resources_chart

    used = used_by(run)
    if used is None or len(used.memory) < 2:
        return []
    return [Picture("Use of the machine", used.sentence, lambda: resources_chart(used))]
