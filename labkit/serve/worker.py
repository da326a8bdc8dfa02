"""The thread that writes all answers: a piece of each in turn, so that all of them flow.

A long prompt is read a part a round, one prompt after another, so nobody waits longer for the next
piece than one part takes to read.

One thread, because ONNX Runtime spreads one sequence over the processors already; several sequences
at a time would only take them from each other. Answers share nothing but the weights: each has its
cache and its drawing, so what others ask does not change it.
"""

import threading
from collections import deque

from .answer import Answer
from .refusal import full, stopping


class Worker:
    """The answers at work, those that wait, and the thread that writes them.

    Args:
        parallel: Answers that are written at once.
        queue: Requests that may wait beside them.
    """

    def __init__(self, parallel: int, queue: int) -> None:
        self._parallel, self._limit = parallel, parallel + queue
        self._changed = threading.Condition()
        self._active: list[Answer] = []
        self._waiting: deque[Answer] = deque()
        self._is_draining = self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="labkit-answers", daemon=True)
        self._thread.start()

    @property
    def counts(self) -> tuple[int, int]:
        """Answers that are being written, and requests that wait."""
        with self._changed:
            return len(self._active), len(self._waiting)

    @property
    def is_draining(self) -> bool:
        """Whether no new request is taken."""
        return self._is_draining

    def submit(self, answer: Answer) -> None:
        """Queue an answer.

        Raises:
            Refusal: The queue is full, or the server is stopping.
        """
        with self._changed:
            if self._is_draining:
                raise stopping()
            if len(self._active) + len(self._waiting) >= self._limit:
                raise full(self._limit)
            self._waiting.append(answer)
            self._changed.notify()

    def cancel(self, answer: Answer) -> None:
        """Forget an answer that nobody waits for any more; it may be done already."""
        with self._changed:
            answer.is_wanted = False
            if answer in self._waiting:
                self._waiting.remove(answer)

    def drain(self) -> None:
        """Take no new request; go on with those there are."""
        with self._changed:
            self._is_draining = True

    def close(self) -> None:
        """Cut what is not done, telling its askers, and end the thread."""
        with self._changed:
            self._is_draining = self._is_closed = True
            self._changed.notify()
        self._thread.join()
        for answer in (*self._active, *self._waiting):
            answer.put(stopping())

    def _work(self) -> None:
        while self._admit():
            for answer in self._round():
                if self._is_closed:
                    break
                if not answer.is_wanted:
                    self._leave(answer)
                elif last := answer.advance():
                    self._leave(answer)  # make room first: who reads the end may ask again
                    answer.put(last)

    def _round(self) -> list[Answer]:
        """Return who has a turn: all that write, those to forget, and the first that reads."""
        first = next((answer for answer in self._active if not answer.is_read), None)
        return [
            answer
            for answer in self._active
            if answer.is_read or answer is first or not answer.is_wanted
        ]

    def _leave(self, answer: Answer) -> None:
        with self._changed:
            self._active.remove(answer)

    def _admit(self) -> bool:
        """Wait for something to do; return whether there is."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._active or self._waiting)
            while self._waiting and len(self._active) < self._parallel:
                self._active.append(self._waiting.popleft())
            return not self._is_closed
