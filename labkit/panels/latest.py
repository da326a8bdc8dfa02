"""Work in the background of which only the newest counts, as while a slider moves."""

import contextvars
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .pulse import shows_threads

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

PAUSE = 0.15
"""Seconds without a newer question before a question is worked on."""

PATIENCE = 8.0
"""Seconds after which the page is told that an answer takes longer."""


class Latest(Generic[Asked, Answer]):
    """Answers the newest question in a thread; those that were overtaken are dropped.

    Args:
        work: From a question to its answer.
        done: Called with the answer to a question that no newer one has overtaken.
        slow: Called when an answer takes long.
    """

    def __init__(
        self,
        work: Callable[[Asked], Answer],
        done: Callable[[Answer], None],
        slow: Callable[[], None],
    ) -> None:
        self._work, self._done, self._slow = work, done, slow
        self._newest: list[Asked] = []
        self._changed, self._idle = threading.Event(), threading.Event()
        self._idle.set()
        self._lock = threading.Lock()

    def ask(self, question: Asked) -> None:
        """Work on a question, after a moment in which no newer one is asked."""
        with self._lock:
            self._newest = [question]
            self._changed.set()
            if not self._idle.is_set():
                return
            self._idle.clear()
        if not shows_threads():
            self._go()
            return
        here = contextvars.copy_context()
        threading.Thread(target=here.run, args=(self._go,), daemon=True).start()

    def wait(self, seconds: float = 30.0) -> bool:
        """Wait until all is answered; return whether it is."""
        return self._idle.wait(seconds)

    def _go(self) -> None:
        while True:
            self._settle()
            with self._lock:
                if not self._newest:
                    self._idle.set()
                    return
                question = self._newest.pop()
            self._answer(question)

    def _settle(self) -> None:
        """Wait until nobody asks anew; where a cell waits as well there is nothing to wait for."""
        self._changed.clear()
        while shows_threads() and self._newest and self._changed.wait(PAUSE):
            self._changed.clear()

    def _answer(self, question: Asked) -> None:
        bell = threading.Timer(PATIENCE, self._slow)
        bell.daemon = True
        bell.start()
        try:
            answer: Any = self._work(question)
        finally:
            bell.cancel()
        if not self._newest:
            self._done(answer)
