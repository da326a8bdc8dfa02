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
        self._lock = threading.Lock()
        self._goes = self._asked = False

    def start(self) -> None:
        """Begin, unless it is going; a call that is going on is then not the last one."""
        with self._lock:
            self._asked = True
            self._stop.clear()
            if self._goes:
                return
            self._goes = True
        here = contextvars.copy_context()  # else its displays would go to the latest cell
        threading.Thread(target=here.run, args=(self._run,), daemon=True).start()

    def stop(self) -> None:
        """End after the call that is going on."""
        self._stop.set()

    def _run(self) -> None:
        is_more = True
        while self._again(is_more):
            is_more = self._beat()
            if is_more:
                self._stop.wait(self._every)

    def _again(self, is_more: bool) -> bool:
        """Whether to call once more; what was asked for during a call is."""
        with self._lock:
            self._goes = (is_more or self._asked) and not self._stop.is_set()
            self._asked = False
            return self._goes


def shows_threads() -> bool:
    """Whether what a thread changes reaches the page; Colab shows only what a cell changes."""
    return "google.colab" not in sys.modules and "COLAB_RELEASE_TAG" not in os.environ
