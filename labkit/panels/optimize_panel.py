"""The panel of an export: what to ask for, the ladder as it is climbed, why a rung was refused."""

import time
from html import escape
from pathlib import Path
from typing import Any

from .. import api
from ..api.optimize import folder_name
from ..report import KeptPictures, story
from ..report.blocks import Block, Facts
from ..report.chart_ladder import pictures_of
from ..report.ladder import how_fast, how_true, refusals
from ..report.rungs import ladder_of
from ..report.session import session
from ..report.stages import stages
from ..report.trouble import trouble
from ..run import FINISHED, Run, as_run
from ..spec import OptimizeSpec
from .cards import SHEET
from .export_settings import ExportSettings
from .panel import Panel
from .pieces import button, row, text
from .rung_cards import rung_cards
from .shown import Shown

LAST_WORD = 3.0
"""Seconds that the last word of a killed worker may take."""

COST = 20
"""Seconds to wait for each second that a look at the record took."""


class OptimizePanel(Panel):
    """From a tuned model to ONNX: settings, Start and Stop, and the ladder rung by rung.

    Args:
        run: The fine-tuning, or its export.

    Raises:
        RunError: There is no such run.
    """

    def __init__(self, run: str | Run) -> None:
        self.run = _tuned(as_run(run))
        self._pictures = KeptPictures()
        self._top, self._rest, self._rungs = Shown(), Shown(), text()
        self._seen: tuple[Path | None, int, str] = (None, 0, "")
        self._next = self._ended = 0.0
        self.settings = ExportSettings(self.run.name, self._asked)
        self._start = button("Start", "Export, check and measure.", self.start, style="primary")
        self._stop = button("Stop", "Finish the step and end; Start goes on there.", self.stop)
        title = text(f"{SHEET}<h4>Optimise {escape(self.run.name)}</h4>")
        controls = [self.settings.widget, row(self._start, self._stop)]
        shown = [self._top.widget, self._rungs, self._rest.widget]
        super().__init__("optimize", [title, *controls, *shown])
        if (earlier := self.export) is not None and isinstance(earlier.spec, OptimizeSpec):
            self.settings.load(earlier.spec)
        else:
            self.settings.check()

    @property
    def export(self) -> Run | None:
        """The run of the export for the chosen target; None where there is none yet."""
        folder = self.run.path / folder_name(self.settings.target)
        return Run(folder) if (folder / "spec.yaml").is_file() else None

    def blocks(self) -> list[Block]:
        """Return the export as it stands; before there is one, the line that asks for it."""
        run = self.export
        if run is None:
            items = tuple((name, self.settings.line(name)) for name in ("cell", "command"))
            return [Facts(f"Nothing of {self.run.name} was exported yet", items)]
        over = run.status in FINISHED
        return [self._pictures.kept(block, is_last=over) for block in story.story(run)]

    def beat(self) -> bool:
        """Draw what is new, if anything; return whether more is to come."""
        run = self.export
        status = run.status if run else ""
        seen = (run.path if run else None, len(run.events()) if run else 0, status)
        is_time = status != self._seen[2] or time.monotonic() >= self._next
        if seen != self._seen and is_time:
            self._seen = seen
            self.look()
        return run is not None and not self._is_over(run)

    def look(self) -> None:
        """Draw the export as it is now."""
        start = time.thread_time()
        run = self.export
        status = run.status if run else "new"
        self._put(rung_cards(run, self.settings.precisions))
        over = status in FINISHED
        told = _told(run) if run else []
        self._top.show([story.head(run)] if run else [])
        self._rest.show(self._pictures.kept(block, is_last=over) for block in told)
        self._offer(status)
        self.mark(status)
        self._next = time.monotonic() + max(0.5, COST * (time.thread_time() - start))

    def start(self) -> None:
        """Ask for the export, as `%optimize` does."""
        self.say("")
        if self.attempt(lambda: api.optimize(self.run, wait=False, **self.settings.values())):
            self.wake()

    def stop(self) -> None:
        """Ask the export to finish its step and end."""
        run = self.export
        if run is not None and self.attempt(run.stop):
            self.wake()

    def _asked(self) -> None:
        """Show what belongs to the settings as they are now."""
        self.look()

    def _put(self, html: str) -> None:
        if self._rungs.value != html:
            self._rungs.value = html

    def _offer(self, status: str) -> None:
        """Let the buttons be pressed that can be of use now."""
        is_at_work = status in ("running", "stopping")
        _set(self._start, disabled=is_at_work or not self.settings.is_right)
        _set(self._stop, disabled=status != "running")

    def _is_over(self, run: Run) -> bool:
        """Whether the export has ended and its last word, if it could say one, is there."""
        if run.status not in FINISHED:
            self._ended = 0.0
            return False
        self._ended = self._ended or time.monotonic()
        last = run.last("queued", "start", "end")
        has_word = last is None or last["kind"] == "end"
        return has_word or time.monotonic() - self._ended > LAST_WORD


def _told(run: Run) -> list[Block]:
    """Return what there is to say beneath the rungs: what to act on first, numbers last."""
    of = ladder_of(run)
    first = trouble(run) if run.status in FINISHED else stages(run)
    if not of.rungs:
        return list(first)
    tune = session(of.found.get("tune") or {})
    tables = [how_true(of), *how_fast(of)]
    return [*first, *refusals(run, of), *pictures_of(of), *tables, *tune]


def _tuned(run: Run) -> Run:
    """Return the fine-tuning that is exported; that of an export where one was named."""
    inside = run.job == "optimize" and (run.path.parent / "spec.yaml").is_file()
    return Run(run.path.parent) if inside else run


def _set(widget: Any, **traits: Any) -> None:  # noqa: ANN401 - a widget
    """Set what has changed; the rest is not sent again."""
    for name, value in traits.items():
        if getattr(widget, name) != value:
            setattr(widget, name, value)
