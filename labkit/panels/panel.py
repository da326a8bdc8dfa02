"""What every panel is: controls that read records, and a record of itself without controls."""

import time
from typing import Any
from uuid import uuid4

from ..report import fragment, plain
from ..report.blocks import Block
from .pulse import Pulse, shows_threads
from .style import sheet

RECORD_EVERY = 5.0
"""Seconds between two drawings of the record while something goes on."""


class Panel:
    """Controls in a cell, and beneath them what a saved notebook keeps.

    A panel reads runs and is none: closing it changes nothing. Its state without controls is the
    *record*, plain HTML in an output of its own, which hides while the controls are on the page. So
    a page without a kernel shows the record, never an empty place.

    Args:
        kind: Names the panel's CSS class, `labkit-<kind>`.
        children: The controls.
    """

    def __init__(self, kind: str, children: list[Any]) -> None:
        from ipywidgets import HTML, VBox

        self.id = uuid4().hex[:12]
        self.root = VBox([HTML(sheet(self.id)), *children])
        self._status = ""
        for name in ("labkit-panel", f"labkit-{kind}", f"labkit-panel-{self.id}"):
            self.root.add_class(name)
        self._pulse = Pulse(self._go_on)
        self._record: Any = None
        self._recorded, self._next_record = "", 0.0

    def blocks(self) -> list[Block]:
        """Return the state as the record shows it."""
        raise NotImplementedError

    def beat(self) -> bool:
        """Bring the controls up to date; return whether more is to come."""
        return False

    def mark(self, status: str) -> None:
        """Let a style sheet and a test see the status: the class `labkit-is-<status>`."""
        if status != self._status:
            self.root.remove_class(f"labkit-is-{self._status}")
            self.root.add_class(f"labkit-is-{status}")
            self._status = status

    def wake(self) -> None:
        """Follow what goes on: in the background, or here where a page does not show that."""
        if shows_threads():
            self._pulse.start()
            return
        while self._go_on():
            time.sleep(0.5)

    def close(self) -> None:
        """Take the controls away; the record stays, and so does everything else."""
        self._pulse.stop()
        self.keep()
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
        going = self.beat()
        if not going or time.monotonic() >= self._next_record:
            self.keep()
            self._next_record = time.monotonic() + RECORD_EVERY
        return going

    def _made(self) -> dict[str, str]:
        blocks = self.blocks()
        html = f'<div class="labkit-record-{self.id}">{fragment(blocks)}</div>'
        return {"text/plain": plain(blocks), "text/html": html}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's
        """Return controls, HTML and text, for whoever shows one output."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.root.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, **self._made()}

    def _ipython_display_(self) -> None:
        """Show the controls and, as an output of its own, the record."""
        from IPython.display import display

        bundle = self._repr_mimebundle_()
        del bundle["text/html"]
        display(bundle, raw=True)  # type: ignore[no-untyped-call]
        made = self._made()
        self._recorded = made["text/html"]
        self._record = display(made, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self.wake()
