"""Blocks of a report on the page, each in a place that changes only when the block does."""

from collections.abc import Iterable
from typing import Any

from ..report.blocks import Block, Facts, Head, Picture, Table
from .pieces import drawn, text


class Shown:
    """Blocks side by side where there is room; what a person has unfolded stays unfolded."""

    def __init__(self) -> None:
        from ipywidgets import Box

        self.widget = Box([])
        self.widget.add_class("labkit-shown")
        self._places: dict[str, Any] = {}

    def show(self, blocks: Iterable[Block]) -> None:
        """Show these blocks and no others; what has not changed is not sent again."""
        wanted = {_key(block): block for block in blocks}
        places = {key: self._places.get(key) or _place(block) for key, block in wanted.items()}
        for key, block in wanted.items():
            html = drawn([block])
            if places[key].value != html:
                places[key].value = html
        if list(places) != list(self._places):
            self.widget.children = list(places.values())
            for key in set(self._places) - set(places):
                self._places[key].close()
        self._places = places


def _key(block: Block) -> str:
    title = "" if isinstance(block, Head) else block.title
    return f"{type(block).__name__} {title}"


def _place(block: Block) -> Any:  # noqa: ANN401 - a widget
    place = text()
    if not isinstance(block, Picture | Table | Facts) or getattr(block, "tiles", False):
        place.add_class("labkit-whole-line")
    return place
