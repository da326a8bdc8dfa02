"""Views of a run for whoever waits for it: a notebook's output, a terminal, nothing.

A view has `update(run)`, called often, and `close(run)`, called once. It reads the record and
never steers the run; if it raises, its caller drops it.
"""

import os
import sys
import time
from typing import Any, Literal, Protocol, TextIO

from ..recorder import Event
from ..run import FINISHED, Run
from . import story, words
from .html import bundle, fragment
from .kept import KeptPictures
from .measured import short_unit
from .plaintext import line, text
from .planned import plan_sentence


class Watcher(Protocol):
    """Who is told that a run went on."""

    def update(self, run: Run) -> None:
        """Show the run as it is now, if it is time to."""

    def close(self, run: Run) -> None:
        """Show the run for the last time."""


class SilentView:
    """Shows nothing."""

    def update(self, run: Run) -> None:
        """Show nothing."""

    def close(self, run: Run) -> None:
        """Show nothing."""


class Output:
    """One output of a notebook cell, drawn again in its place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, data: dict[str, str]) -> None:
        """Draw a MIME bundle; the first one makes the output."""
        if self._handle is None:
            from IPython.display import display

            self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(data, raw=True)


class NotebookView:
    """One output of a cell, drawn anew at most once a second; what is saved is plain HTML.

    Args:
        static: Show nothing before the end, and then once: for tools that keep the first output.
    """

    def __init__(self, *, static: bool | None = None, every: float = 1.0) -> None:
        self._static = os.environ.get("LABKIT_STATIC") == "1" if static is None else static
        self._every = every
        self._next = 0.0
        self._output = Output()
        self._pictures = KeptPictures()

    def update(self, run: Run) -> None:
        """Draw the run if the last drawing is old enough."""
        now = time.monotonic()
        if self._static or now < self._next or run.status in FINISHED:
            return
        self._next = now + self._every
        blocks = [self._pictures.kept(block) for block in story.going(run)]
        self._output.show({"text/plain": line(run), "text/html": fragment(blocks)})

    def close(self, run: Run) -> None:
        """Draw the last state, whatever the time."""
        self._output.show(bundle(run))


class TextView:
    """Lines on standard error: one that is rewritten on a terminal, few on a pipe.

    Args:
        stream: Where to write; standard error if left out.
        every: Seconds between two lines on a pipe.
    """

    def __init__(self, stream: TextIO | None = None, *, every: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._tty = self._stream.isatty()
        self._pause = 0.2 if self._tty else every
        self._next = 0.0
        self._seen = 0
        self._stage = ""

    def update(self, run: Run) -> None:
        """Write what happened since the last call, and the state if it is time to."""
        for said in self._news(run):
            self._write(said)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        if self._tty:
            self._stream.write("\r\x1b[K" + line(run)[: _columns() - 1])
            self._stream.flush()
        else:
            self._write(line(run))

    def close(self, run: Run) -> None:
        """Write the record of the run."""
        for said in self._news(run):
            self._write(said)
        self._write(text(run).rstrip())

    def _news(self, run: Run) -> list[str]:
        events = run.events()
        new, self._seen = events[self._seen :], len(events)
        return [said for event in new if (said := self._said(run, event))]

    def _said(self, run: Run, event: Event) -> str:
        match event["kind"]:
            case "stage" if event.get("name") != self._stage:
                self._stage = str(event.get("name"))
                return f"{self._stage} …"
            case "eval":
                measured = words.loss(event["eval_loss"])
                unit = short_unit(run)
                return f"validation at step {event['step']}: {measured} {unit}"
            case "trial" | "note":
                return str(event.get("text", ""))
            case "forecast":
                return plan_sentence(event["forecast"])
        return ""

    def _write(self, said: str) -> None:
        self._stream.write(("\r\x1b[K" if self._tty else "") + said + "\n")
        self._stream.flush()


def watcher(kind: Literal["notebook", "text", "silent"] | None = None) -> Watcher:
    """Return the view that fits where this runs, or the one asked for.

    Args:
        kind: `notebook`, `text` or `silent`; left out: a notebook's where a kernel is running.
    """
    kinds: dict[str, type[Any]] = {
        "notebook": NotebookView, "text": TextView, "silent": SilentView,
    }  # fmt: skip
    chosen: Watcher = kinds[kind or ("notebook" if in_kernel() else "text")]()
    return chosen


def in_kernel() -> bool:
    """Tell whether this is a notebook's kernel, without importing IPython to find out."""
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded else None
    return getattr(shell, "kernel", None) is not None


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
