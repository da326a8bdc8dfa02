"""What there is to say about a run, as blocks: while it runs and when it has ended."""

from collections.abc import Callable, Sequence

from ..run import FINISHED, Run
from . import course, measured, words
from .adapters import adapters, combined
from .blocks import Block, Facts, Head, Lines, Picture
from .chart_rates import rates
from .crossed import crossed
from .facts import facts, title
from .faulty import faulty
from .history import samples
from .ladder import ladder
from .merged import merged
from .planned import beside_actual, planned
from .results import pictures, results
from .searched import search
from .stages import stages
from .trouble import how_to_stop, trouble

Part = Callable[[Run], Sequence[Block]]

GOING: dict[str, tuple[Part, ...]] = {
    "optimize": (stages, ladder),
    "merge": (stages, merged),
    "evaluate": (stages,),
    "combine": (stages,),
    "adopt": (stages,),
    "find_lr": (rates,),
    "sweep": (search,),
    "join": (search,),
    "adapters": (adapters,),
    "cross_evaluate": (stages, crossed),
    "plan": (planned,),
}
"""What to watch of each job but fine-tuning, below its name and above its notes."""

ENDED: dict[str, tuple[Part, ...]] = {
    "optimize": (ladder, stages, facts),
    "merge": (merged, stages, facts),
    "evaluate": (results, pictures, stages, facts),
    "adopt": (results, pictures, stages, facts),
    "combine": (combined, results, pictures, stages, facts),
    "find_lr": (rates, facts, course.resources),
    "sweep": (search, results, facts, course.resources),
    "join": (search, results, facts, course.resources),
    "adapters": (adapters, facts, course.resources),
    "cross_evaluate": (crossed, stages, facts),
    "plan": (planned, facts),
}
"""What stays of each job but fine-tuning, below its name and above its notes."""


def story(run: Run) -> list[Block]:
    """Return all blocks that fit the run's status."""
    return ended(run) if run.status in FINISHED else going(run)


def going(run: Run) -> list[Block]:
    """Return what to watch while a run is waiting or running, and how to stop it."""
    first, *rest = progress(run)
    return [first, *faulty(run), *rest, *how_to_stop(run)]


def progress(run: Run) -> list[Block]:
    """Return what to watch while a run is waiting or running."""
    if run.job in GOING:
        return [head(run), *_all(GOING[run.job], run), *_notes(run)]
    blocks: list[Block] = [head(run), *_numbers(run), *course.signs(run), *loss_picture(run)]
    return [*blocks, *planned(run), *course.schedule(run), *samples(run), *_notes(run)]


def ended(run: Run) -> list[Block]:
    """Return the record of a run that has ended or is about to, results first."""
    blocks: list[Block] = [head(run, settled(run)), *faulty(run), *trouble(run)]
    if run.job in ENDED:
        return [*blocks, *_all(ENDED[run.job], run), *_notes(run)]
    blocks += [*results(run), *course.signs(run), *loss_picture(run), *pictures(run)]
    blocks += [*facts(run), *beside_actual(run)]
    return [*blocks, *course.schedule(run), *course.resources(run), *_notes(run)]


def _all(parts: Sequence[Part], run: Run) -> list[Block]:
    return [block for part in parts for block in part(run)]


def settled(run: Run) -> str:
    """Return the status; a worker that has written its results is done but for the last word."""
    return "done" if run.status == "running" and run.metrics else run.status


def head(run: Run, status: str | None = None) -> Head:
    """Return the run's name, its status and how far it is."""
    status = status or run.status
    sign, said = words.STATUS[status]
    finished = status in FINISHED
    step, stage = run.last("step", "lr_probe"), measured.stage(run)
    line = "" if status == "done" else position(run)
    if stage and (stage.get("total") or 0) > 1 and not finished:
        return Head(title(run), sign, said, line, float(stage["done"]), float(stage["total"]))
    if step and status != "done":
        return Head(title(run), sign, said, line, float(step["step"]), float(step["max_steps"]))
    return Head(title(run), sign, said, line)


def position(run: Run) -> str:
    """Return where the run is: the stage, or the step."""
    stage, step = measured.stage(run), run.last("step", "lr_probe")
    if stage:
        total = stage.get("total") or 0
        far = f": {words.share(stage['done'], total)}" if total > 1 else " …"
        return f"{stage.get('name')}{far}"
    if step:
        return f"step {step['step']}/{step['max_steps']}"
    return "" if run.status in FINISHED else "not started yet"


def loss_picture(run: Run) -> list[Block]:
    """Return the loss curve once there is a step to draw."""
    from .charts import loss_curve

    curve = measured.curve(run)
    if not curve.train:
        return []
    return [Picture("Loss", curve.sentence, lambda: loss_curve(curve))]


def _numbers(run: Run) -> list[Block]:
    step, seen = run.last("step"), measured.curve(run)
    now, _, limit = measured.memory(run)
    cores = (run.last("resources") or {}).get("cpu")
    speed = measured.tokens_per_second(run)
    left = None if measured.stage(run) else measured.seconds_left(run)
    items = [
        ("training loss", step and words.loss(step.get("loss"))),
        ("best validation loss", seen.best and words.loss(seen.best[1])),
        ("time left in training", left is not None and words.clock(left)),
        ("learning rate", step and "learning_rate" in step and f"{step['learning_rate']:.1e}"),
        ("tokens per second", speed and words.count(speed)),
        ("cores in use", cores is not None and f"{words.number(cores):.1f}"),
        ("memory", now and words.size(now) + (f" of {words.size(limit)}" if limit else "")),
    ]
    shown = tuple((label, value) for label, value in items if value)
    return [Facts("", shown, tiles=True)] if shown else []


def _notes(run: Run) -> list[Block]:
    found = measured.notes(run)
    return [Lines("Notes", tuple(found))] if found else []
