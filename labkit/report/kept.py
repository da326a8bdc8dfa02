"""Pictures of what goes on: drawn again when there is something new, and not too often."""

import time

from .blocks import Block, Picture

COST = 20
"""Seconds to wait for each second of drawing: at most a twentieth of one processor."""

POINTS = 150
"""A curve has about as many points; what is newer than the last of them would not be seen yet."""


class KeptPictures:
    """Keeps each drawing while the record has no new point, and for as long as drawing costs."""

    def __init__(self) -> None:
        self._kept: dict[str, Picture] = {}
        self._began: dict[str, float] = {}
        self._next: dict[str, float] = {}
        self._free = 0.0

    def kept(self, block: Block, *, is_last: bool = False) -> Block:
        """Return a picture with its drawing made now or before; other blocks as they are.

        Args:
            block: Of a report.
            is_last: Draw what is new whatever it costs: nothing comes after it.
        """
        if not isinstance(block, Picture):
            return block
        before = self._kept.get(block.title)
        if before is not None and (
            block.alt == before.alt or not (is_last or self._is_time(block))
        ):
            return before
        return self._drawn(block)

    def _is_time(self, block: Picture) -> bool:
        return time.monotonic() >= max(self._free, self._next[block.title])

    def _drawn(self, block: Picture) -> Picture:
        start = time.thread_time()
        svg = block.draw()
        spent, now = time.thread_time() - start, time.monotonic()
        self._next[block.title] = now + (now - self._began.setdefault(block.title, now)) / POINTS
        if self._kept:  # the first one loads what draws; later ones are not as dear
            self._free = now + COST * spent
        self._kept[block.title] = Picture(block.title, block.alt, lambda: svg)
        return self._kept[block.title]
