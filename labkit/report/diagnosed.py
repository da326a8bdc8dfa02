"""What is wrong with a run, as blocks: each finding with its evidence drawn and what to change."""

from typing import TYPE_CHECKING

from ..run import Run
from .blocks import Block, Box, Lines, Picture
from .chart_bars import bars
from .charts import losses_by_rows
from .figures import cell, figures
from .figures import title as metric_title
from .story import loss_picture

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis, Finding
    from ..diagnosis.subsets import LearningCurve
    from ..diagnosis.tried import Trial


def diagnosis_blocks(
    found: "Diagnosis", trial: "Trial | None" = None, curve: "LearningCurve | None" = None
) -> list[Block]:
    """Return the findings, or one sentence where there are none; and what was tried, if anything.

    Args:
        found: The findings.
        trial: The run with a change, and whether it helped.
        curve: What parts of the rows reach.
    """
    blocks: list[Block] = []
    for number, finding in enumerate(found.findings, 1):
        blocks += [_box(number, finding), *_evidence(found.run, finding)]
    blocks = blocks or [Box("", f"Nothing was found wrong with the run {found.run.name}.", ())]
    unseen = [Lines("Not looked at", found.unseen, folded=False)] if found.unseen else []
    more = _curve(curve) if curve else []
    return [*blocks, *unseen, *(_trial(found.run, trial) if trial else []), *more]


def _box(number: int, finding: "Finding") -> Block:
    from ..diagnosis import SECTIONS

    title = f"{number}. {finding.name.replace('_', ' ')}"
    steps = (f"Change: {finding.advice}", f"In the course: {SECTIONS[finding.section]}")
    return Box(title, finding.sentence, steps)


def _trial(before: Run, trial: "Trial") -> list[Block]:
    """Return what became of the change, and what both runs reached."""
    changes = ", ".join(f"{key}: {value}" for key, value in (trial.finding.changes or {}).items())
    title = f"Tried: {changes or 'the same settings again'}: {trial.verdict}"
    box = Box(title, trial.sentence, (f"The run:  %runs {trial.run.name}",))
    names = (before.name, trial.run.name)
    reached = [figures(run.metrics.get("tuned", {})) for run in (before, trial.run)]
    name = next((key for key in reached[1] if key in reached[0]), None)
    if name is None:
        return [box]
    values = {who: float(of[name].value) for who, of in zip(names, reached, strict=True)}
    cells = (f"{who} {cell(name, of[name])}" for who, of in zip(names, reached, strict=True))
    said = f"{'; '.join(cells)}."
    return [box, Picture(f"Before and after: {metric_title(name)}", said,
                         lambda: bars(values, metric_title(name)))]  # fmt: skip


def _curve(curve: "LearningCurve") -> list[Block]:
    """Return what parts of the rows reach, and whether more rows would help."""
    title = "More rows would help" if curve.wants_rows else "More rows would hardly help"
    where = (f"The trainings:  %runs {curve.sweep.name}",)
    said = ", ".join(f"{n} rows {loss:.3f}" for n, loss in curve.points)
    picture = Picture(
        "Validation loss by rows", f"{said}.", lambda: losses_by_rows(curve.points, curve.unit)
    )
    return [Box(title, curve.sentence, where), picture]


def _evidence(run: Run, finding: "Finding") -> list[Block]:
    """Return the picture of what was measured."""
    if finding.measured is None:
        return loss_picture(run)
    values, unit = dict(finding.measured), finding.unit
    said = ", ".join(f"{name} {value:,.4g}" for name, value in values.items())
    return [Picture(f"Measured ({unit})", f"{said}.", lambda: bars(values, unit))]
