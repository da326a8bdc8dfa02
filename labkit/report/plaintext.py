"""A run as plain text: one line while it works, the whole record afterwards."""

import sys
import textwrap
from collections.abc import Iterable

from ..run import FINISHED, Run
from . import measured, words
from .blocks import Block, Box, Facts, Head, Lines, Picture, Table
from .story import position, story

WIDTH = 100
"""Columns of a line of text."""

WIDEST_CELL = 48
"""Columns of a cell; a longer one is cut."""


def line(run: Run) -> str:
    """Return the state of a run on one line."""
    status, step = run.status, run.last("step")
    parts = [words.STATUS[status][1], *filter(None, [position(run)])]
    if step:
        parts.append(f"loss {words.loss(step.get('loss'))} {measured.short_unit(run)}")
        best = measured.curve(run).best
        parts += [f"validation {words.loss(best[1])}"] if best else []
    speed = measured.tokens_per_second(run)
    parts += [f"{speed:.0f} tokens/s"] if speed else []
    if step and status not in FINISHED and not measured.stage(run):
        parts.append(f"{words.clock(measured.seconds_left(run))} left")
    held = measured.peak_memory(run) if status in FINISHED else measured.memory(run)[0]
    parts += [words.size(held)] if held else []
    return " · ".join(parts)


def progress_line(stage: str, done: int, total: int) -> None:
    """Write how far a stage is to standard error: one line on a terminal, its ends on a pipe."""
    over = done >= total
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{stage}: {words.share(done, total)}" + ("\n" if over else ""))
    elif over or done == 0:
        sys.stderr.write(f"{stage}: {words.share(done, total)}\n")
    sys.stderr.flush()


def text(run: Run) -> str:
    """Return the record of a run as plain text."""
    return plain(story(run))


def plain(blocks: Iterable[Block]) -> str:
    """Return blocks as plain text."""
    parts = [drawn for block in blocks if (drawn := draw(block))]
    return "\n\n".join(parts) + "\n"


def draw(block: Block) -> str:
    """Return one block as text."""
    match block:
        case Head():
            bar = f" ({100 * block.done / max(1.0, block.total):.0f} %)" if block.done else ""
            where = f" · {block.line}{bar}" if block.line else ""
            return f"{block.sign} Run {block.name}: {block.status}{where}"
        case Facts():
            return _titled(block.title, _columns([list(item) for item in block.items], False))
        case Table():
            return _table(block)
        case Picture():
            return _titled(block.title, _wrapped(block.alt))
        case Box():
            steps = [_wrapped(step, "→ ") for step in block.steps]
            return _titled(block.title, "\n".join([_wrapped(block.problem), *steps]))
        case Lines():
            return _titled(block.title, "\n".join(_wrapped(item, "- ") for item in block.items))


def table_text(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...], numeric: bool) -> str:
    """Return rows under their header, in aligned columns."""
    cut = [[_cut(cell, at) for at, cell in enumerate(row)] for row in (header, *rows)]
    lines = _columns(cut, numeric).splitlines()
    return "\n".join([lines[0], "-" * min(WIDTH, max(map(len, lines))), *lines[1:]])


def _table(block: Table) -> str:
    body = table_text(block.header, block.rows, block.numeric)
    return _titled(block.title, body + (f"\n{_wrapped(block.note)}" if block.note else ""))


def _titled(title: str, body: str) -> str:
    indented = textwrap.indent(body, "  ")
    return f"{title}\n{indented}" if title else indented


def _columns(rows: list[list[str]], numeric: bool) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if numeric and at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cut(cell: str, at: int) -> str:
    """Return a cell that is not too wide; prompts, which stand first, are alike at their start."""
    shorter = words.head if at else words.tail
    return shorter(cell, WIDEST_CELL - 2) if len(cell) > WIDEST_CELL else cell


def _wrapped(sentence: str, lead: str = "") -> str:
    indent = " " * len(lead)
    return textwrap.fill(
        sentence, WIDTH - 2, initial_indent=lead, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
