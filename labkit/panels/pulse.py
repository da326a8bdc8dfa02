"""What brings a panel up to date while something goes on: a thread that asks now and then."""

import contextvars
import os
import sys
import threading
from collections.abc import Callable

EVERY = 0.5
"""Seconds between two looks at a record."""


class Pulse:
    """Calls a function in the background until it says that there is nothing more to come.

    Args:
        beat: Returns whether to go on.
        every: Seconds between two calls.
    """

    def __init__(self, beat: Callable[[], bool], every: float = EVERY) -> None:
        self._beat, self._every = beat, every
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it is going."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        here = contextvars.copy_context()  # else its displays would go to the latest cell
        self._thread = threading.Thread(target=here.run, args=(self._run,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the call that is going on."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set() and self._beat():
            self._stop.wait(self._every)


def shows_threads() -> bool:
    """Whether what a thread changes reaches the page; Colab shows only what a cell changes."""
    return "google.colab" not in sys.modules and "COLAB_RELEASE_TAG" not in os.environ
