"""Which row is chosen, and so which page is shown."""

from collections.abc import Callable
from html import escape
from typing import Any

from .data_table import PAGE
from .pieces import button, labelled, row, text


class Pages:
    """A number for the chosen row, and buttons for the next row and the next page.

    Args:
        changed: Called when another row is chosen.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        from ipywidgets import BoundedIntText

        tip = "Which of the rows that fit is chosen, from 1; it is rendered below"
        self.field: Any = labelled(BoundedIntText, "chosen line", tip, min=1, max=1, value=1)
        self.field.style.description_width = "initial"
        self.field.layout.width = "170px"
        self.field.observe(lambda _: self._moved(), "value")
        steps = {
            "◀ Page": ("The page before this one", -PAGE),
            "◀ Row": ("The row before this one", -1),
            "Row ▶": ("The next row", 1),
            "Page ▶": ("The next page", PAGE),
        }
        self.buttons = {
            name: button(name, tip, lambda by=by: self.move(by))  # type: ignore[misc]
            for name, (tip, by) in steps.items()
        }
        self._changed, self._quiet = changed, False
        self._said = text()
        self.widget = row(self.field, *self.buttons.values(), self._said)

    def _moved(self) -> None:
        if not self._quiet:
            self._changed()

    @property
    def at(self) -> int:
        """Place of the chosen row among those that fit, from 0."""
        return int(self.field.value) - 1

    def move(self, by: int) -> None:
        """Choose another row; a page further is the first row of it."""
        to = (self.at + by) // PAGE * PAGE if abs(by) == PAGE else self.at + by
        self.field.value = max(0, min(to, self.field.max - 1)) + 1

    def offer(self, n: int, said: str) -> None:
        """Say how many rows fit; a choice beyond them becomes the first row."""
        self._quiet = True
        if self.field.value > max(1, n):
            self.field.value = 1
        self.field.max = max(1, n)
        self._quiet = False
        pages = -(-n // PAGE)
        where = f" Page {self.at // PAGE + 1} of {pages:,}." if pages > 1 else ""
        self._said.value = f"<div>{escape(said + where)}</div>"
        first, last = self.at < PAGE, self.at // PAGE >= pages - 1
        for name, is_off in zip(
            self.buttons, (first, self.at == 0, self.at >= n - 1, last), strict=True
        ):
            self.buttons[name].disabled = is_off
