"""What a model is saying, shown while it says it: the views of a run that answers prompts."""

import os
from typing import TextIO

from ..run import Run
from .views import Output, SilentView, Watcher, in_kernel


def said(run: Run) -> list[str]:
    """Return what was said so far, a text for each prompt that has its turn or had it."""
    texts: list[str] = []
    is_new = True
    for event in run.events():
        if event["kind"] not in ("piece", "answer"):
            continue
        if is_new:
            texts.append("")
        is_new = event["kind"] == "answer"
        texts[-1] = event["text"] if is_new else texts[-1] + event["text"]
    return texts


class NotebookAnswers:
    """One output of a cell that grows; it goes when the cell's result says the same."""

    def __init__(self) -> None:
        self._output = Output()
        self._shown = ""

    def update(self, run: Run) -> None:
        """Show what was said so far."""
        self._show("\n".join(said(run)))

    def close(self, run: Run) -> None:
        """Leave the place to the result; where the run has none, what was said stays."""
        self._show("" if run.status == "done" else "\n".join(said(run)))

    def _show(self, text: str) -> None:
        if text == self._shown:
            return
        self._shown = text
        self._output.show({"text/plain": text})


class TextAnswers:
    """Pieces on a stream as they come; in the end it holds the answers, one after another.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._n_written = 0

    def update(self, run: Run) -> None:
        """Write what was said since the last call."""
        text = "\n".join(said(run))
        self._stream.write(text[self._n_written :])
        self._stream.flush()
        self._n_written = len(text)

    def close(self, run: Run) -> None:
        """Write the rest and end the line."""
        self.update(run)
        if self._n_written or run.status == "done":
            self._stream.write("\n")


def answers_view() -> Watcher:
    """Return the view of `%generate`: a notebook's output grows, elsewhere the result is enough."""
    is_static = os.environ.get("LABKIT_STATIC") == "1"
    return NotebookAnswers() if in_kernel() and not is_static else SilentView()
