"""What every panel is: controls that read records, and a record of itself without controls."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from ..errors import LabError
from ..report import fragment, plain
from ..report.blocks import Block
from .pieces import problem
from .pulse import EVERY, Pulse, shows_threads
from .said import sentence
from .style import sheet

RECORD_EVERY = 5.0
"""Seconds between two drawings of the record while something goes on."""

WITHOUT_KERNEL = "The panel's controls need a running kernel; its last state is below."
"""What stands in place of the controls on a page that cannot show them."""


class Panel:
    """Controls in a cell, and beneath them what a saved notebook keeps.

    A panel reads runs and is none: closing it changes nothing. Its state without controls is the
    *record*, plain HTML in an output of its own, which hides while the controls are on the page. So
    a page without a kernel shows the record, never an empty place. A panel may be shown in several
    cells; all show the same.

    Args:
        kind: Names the panel's CSS class, `labkit-<kind>`.
        children: The controls.
    """

    def __init__(self, kind: str, children: list[Any]) -> None:
        from ipywidgets import HTML, VBox

        self.id = uuid4().hex[:12]
        self._said = problem("")
        self.root = VBox([HTML(sheet(self.id)), self._said, *children])
        self._status = ""
        for name in ("labkit-panel", f"labkit-{kind}", f"labkit-panel-{self.id}"):
            self.root.add_class(name)
        self._pulse = Pulse(self._go_on)
        self._lock = threading.RLock()
        self._record: Any = None
        self._recorded, self._next_record = "", 0.0

    def blocks(self) -> list[Block]:
        """Return the state as the record shows it."""
        raise NotImplementedError

    def links(self) -> str:
        """Return links that stand beneath the record, as HTML."""
        return ""

    def beat(self) -> bool:
        """Bring the controls up to date; return whether more is to come."""
        return False

    def mark(self, status: str) -> None:
        """Let a style sheet and a test see the status: the class `labkit-is-<status>`."""
        if status != self._status:
            self.root.remove_class(f"labkit-is-{self._status}")
            self.root.add_class(f"labkit-is-{status}")
            self._status = status

    def say(self, text: str) -> None:
        """Show above the controls what is wrong; nothing for ""."""
        self._said.value = problem(text).value

    def attempt(self, call: Callable[[], Any]) -> bool:
        """Do something, or show as a sentence why not; return whether it was done.

        A button's errors would be seen by nobody: they go neither to the page nor to a cell.
        """
        try:
            with self._lock:
                call()
        except LabError as error:
            self.say(sentence(error))
            return False
        except Exception as error:  # noqa: BLE001 - as above
            self.say(
                f"This panel does not go on: {error!r}. What it shows may be old, and no run "
                "is touched by that. Show it again: run its cell once more."
            )
            return False
        return True

    def wake(self) -> None:
        """Follow what goes on: in the background, or here where a page does not show that."""
        if shows_threads():
            self._pulse.start()
            return
        with suppress(KeyboardInterrupt):  # ■ frees the cell, so that the buttons can be pressed
            while self._go_on():
                time.sleep(EVERY)

    def close(self) -> None:
        """Take the controls away; the record stays, and so does everything else."""
        self._pulse.stop()
        self.attempt(self.keep)
        self.root.close()

    def keep(self) -> None:
        """Draw the record, if the panel is shown and has changed."""
        if self._record is None:
            return
        made = self._made()
        if made["text/html"] != self._recorded:
            self._recorded = made["text/html"]
            self._record.update(made, raw=True)

    def _go_on(self) -> bool:
        going = False

        def once() -> None:
            nonlocal going
            going = self.beat()
            if not going or time.monotonic() >= self._next_record:
                self.keep()
                self._next_record = time.monotonic() + RECORD_EVERY

        return self.attempt(once) and going

    def _made(self) -> dict[str, str]:
        blocks = self.blocks()
        html = fragment(blocks, links=self.links())
        return {
            "text/plain": plain(blocks),
            "text/html": f'<div class="labkit-record-{self.id}">{html}</div>',
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's
        """Return controls, HTML and text, for whoever shows one output."""
        return {**self._view(), **self._made()}

    def _view(self) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.root.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": WITHOUT_KERNEL}

    def _ipython_display_(self) -> None:
        """Show the controls and, as an output of its own, the record."""
        from IPython.display import display

        made = self._made()
        display(self._view(), raw=True)  # type: ignore[no-untyped-call]
        self._recorded = made["text/html"]
        # One id for all outputs: what is drawn again is drawn in each cell that shows the panel.
        self._record = display(made, raw=True, display_id=self.id)  # type: ignore[no-untyped-call]
        self.wake()
