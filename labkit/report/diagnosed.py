"""What is wrong with a run, as blocks: each finding with its evidence drawn and what to change."""

from typing import TYPE_CHECKING

from ..run import Run
from .blocks import Block, Box, Lines, Picture
from .chart_bars import bars
from .story import loss_picture

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis, Finding


def diagnosis_blocks(found: "Diagnosis") -> list[Block]:
    """Return the findings, or one sentence where there are none."""
    blocks: list[Block] = []
    for number, finding in enumerate(found.findings, 1):
        blocks += [_box(number, finding), *_evidence(found.run, finding)]
    blocks = blocks or [Box("", f"Nothing was found wrong with the run {found.run.name}.", ())]
    unseen = [Lines("Not looked at", found.unseen, folded=False)] if found.unseen else []
    return [*blocks, *unseen]


def _box(number: int, finding: "Finding") -> Block:
    from ..diagnosis import SECTIONS

    title = f"{number}. {finding.name.replace('_', ' ')}"
    steps = (f"Change: {finding.advice}", f"In the course: {SECTIONS[finding.section]}")
    return Box(title, finding.sentence, steps)


def _evidence(run: Run, finding: "Finding") -> list[Block]:
    """Return the picture of what was measured."""
    if finding.measured is None:
        return loss_picture(run)
    values, unit = dict(finding.measured), finding.unit
    said = ", ".join(f"{name} {value:,.4g}" for name, value in values.items())
    return [Picture(f"Measured ({unit})", f"{said}.", lambda: bars(values, unit))]
