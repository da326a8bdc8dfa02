"""The question before something is deleted: what goes, how large it is, and two buttons."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ..api import delete, deletion
from ..report import words
from .pieces import button, row, text


class Deleting:
    """Asks, and deletes only when the button that says what goes is pressed.

    Args:
        run: Called with what is to be done; it shows the errors.
    """

    def __init__(self, run: Callable[[Callable[[], Any]], None]) -> None:
        from ipywidgets import VBox

        self._run = run
        self._names: list[str] = []
        self._said = text()
        self.yes = button("Delete", "Delete this from the disk for good", self._do, style="danger")
        self.no = button("Keep", "Delete nothing", self.forget)
        self.widget = VBox([self._said, row(self.yes, self.no)])
        self.widget.add_class("labkit-asks")
        self.forget()

    def ask(self, names: Sequence[str]) -> None:
        """Say what would go, and wait for the second press.

        Raises:
            RunError: One of the runs may not be deleted.
        """
        found = [deletion(name) for name in names if not _is_inside(name, names)]
        self._names = [one.name for one in found]
        lines = "".join(f"<li>{escape(str(one))}</li>" for one in found)
        said = f"Delete for good, with all that lies in its folder:<ul>{lines}</ul>"
        self._said.value = f'<div role="alert">{said}</div>'
        what = self._names[0] if len(found) == 1 else f"{len(found)} runs"
        size = words.size(sum(one.size_bytes for one in found))
        self.yes.description = f"Delete {what} ({size})"
        self.widget.layout.display = ""

    def forget(self) -> None:
        """Ask nothing any more."""
        self._names = []
        self._said.value = ""
        self.widget.layout.display = "none"

    def _do(self) -> None:
        names = self._names
        self.forget()
        self._run(lambda: [delete(name) for name in names])


def _is_inside(name: str, names: Sequence[str]) -> bool:
    """Whether a run lies in another one that goes too."""
    return any(name.startswith(f"{other}/") for other in names)
