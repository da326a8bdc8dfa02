"""The panel of one run: what it does now, what it did, and the buttons to stop and resume it."""

import time
from collections.abc import Callable
from typing import Any

from .. import api
from ..errors import RunError
from ..report import KeptPictures, links, story
from ..report.blocks import Block, Facts, Head
from ..report.facts import place
from ..report.history import samples
from ..run import FINISHED, Run, as_run
from .panel import Panel
from .pieces import button, row
from .shown import Shown

LAST_WORD = 3.0
"""Seconds that the last word of a killed worker may take."""

COST = 20
"""Seconds to wait for each second that a look at the record took."""

RESUMES: dict[str, Callable[[Run], Any]] = {
    "finetune": lambda run: api.resume(run.name, wait=False),
    "adapters": lambda run: api.resume(run.name, wait=False),
    "sweep": lambda run: api.resume_sweep(run.name, wait=False),
    "optimize": lambda run: api.optimize(wait=False, **run.spec.changed()),
}
"""How a run of each job goes on; other jobs are quick and begin anew."""


class RunPanel(Panel):
    """A run as it goes on, wherever and by whomever it was started.

    Args:
        run: The run, or its name.

    Raises:
        RunError: There is no such run.
    """

    def __init__(self, run: str | Run) -> None:
        self.run = as_run(run)
        self._pictures = KeptPictures()
        self._top, self._rest = Shown(), Shown()
        self._state: list[Block] = []
        self._seen: tuple[int, str] = (0, "")
        self._next = self._ended = 0.0
        super().__init__("follow", [self._top.widget, self._controls(), self._rest.widget])
        self.look()

    def blocks(self) -> list[Block]:
        """Return the run's blocks as they were drawn last."""
        return self._state

    def links(self) -> str:
        """Return the link to the run's report, once there is one."""
        return links(self.run, place(self.run))

    def beat(self) -> bool:
        """Draw what is new, if anything; return whether more is to come."""
        self._find()
        seen = len(self.run.events()), self.run.status
        is_other = seen[1] != self._seen[1] or seen[1] in FINISHED
        if seen != self._seen and (is_other or time.monotonic() >= self._next):
            self.look()
        return not self._is_over()

    def look(self) -> None:
        """Draw the run as it is now."""
        start = time.thread_time()
        self._find()
        status = self.run.status
        self._seen = len(self.run.events()), status
        over = status in FINISHED
        self._state = [self._pictures.kept(block, is_last=over) for block in _told(self.run)]
        self._top.show(block for block in self._state if isinstance(block, Head))
        self._rest.show(block for block in self._state if not isinstance(block, Head))
        self._offer(status)
        self.mark(status)
        self._next = time.monotonic() + max(1.0, COST * (time.thread_time() - start))

    def stop(self) -> None:
        """Ask the run to finish its step, save what it has and end."""
        if self.attempt(self.run.stop):
            self.wake()

    def resume(self) -> None:
        """Let the run go on from what it has saved."""
        if self.attempt(lambda: RESUMES[self.run.job](self.run)):
            self.say("")
            self.wake()

    def _controls(self) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import Output

        kept = " It can go on later." if self.run.job in RESUMES else ""
        self._stop = button("Stop", f"Finish the step, save and end.{kept}", self.stop)
        self._resume = button(
            "Resume", "Go on from what was saved last.", self.resume, style="primary"
        )
        self._link = Output()  # its links are the notebook's: those of HTML are the page's
        return row(self._stop, self._resume, self._link)

    def _offer(self, status: str) -> None:
        """Show the buttons that can be of use now, and the report once there is one."""
        self._stop.disabled = status not in ("waiting", "running")
        self._stop.layout.display = "none" if status in FINISHED else ""
        can_go_on = status in ("stopped", "failed") and self.run.job in RESUMES
        self._resume.layout.display = "" if can_go_on else "none"
        html = self.links()
        data = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
        self._link.outputs = (data,) if html else ()

    def _find(self) -> None:
        """Refuse to go on with a folder that somebody has deleted."""
        if not (self.run.path / "spec.yaml").is_file():
            raise RunError(
                f"The folder of the run {self.run.name!r} is gone.",
                hint="What is shown here is the last that was read.",
            )

    def _is_over(self) -> bool:
        """Whether the run has ended and its last word, if it could say one, is there."""
        if self._seen[1] not in FINISHED:
            self._ended = 0.0
            return False
        self._ended = self._ended or time.monotonic()
        last = self.run.last("queued", "start", "end")
        has_word = last is None or last["kind"] == "end"
        return has_word or time.monotonic() - self._ended > LAST_WORD


def _told(run: Run) -> list[Block]:
    """Return what there is to say, the answers while it learned also when it has ended."""
    if run.status not in FINISHED:
        return story.progress(run)
    blocks = story.ended(run)
    at = next((at for at, block in enumerate(blocks) if isinstance(block, Facts)), len(blocks))
    return [*blocks[:at], *samples(run), *blocks[at:]]
