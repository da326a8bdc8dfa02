"""The panel of all runs: sort, look, compare, stop, delete."""

import time
from collections.abc import Callable
from typing import Any

from ..report import words
from ..report.blocks import Block, Lines, Table
from ..report.difference import difference
from ..report.table import NO_RUNS
from ..run import Run
from .deleting import Deleting
from .follow import RunPanel
from .panel import Panel
from .run_buttons import RunButtons
from .run_entries import COLUMNS, COST, Entries, Entry, matching, sorted_by
from .run_list import PAGE, RunList
from .shown import Shown

DOWNWARDS = ("when", "size", "result")
"""Columns whose largest values come first."""


class RunsPanel(Panel):
    """All runs of the folder, and what can be done with those that are ticked."""

    def __init__(self) -> None:
        from ipywidgets import VBox

        self._entries = Entries()
        self._all: list[Entry] = []
        self._sort, self._down, self._page = "when", True, 0
        self.chosen: list[str] = []
        self._open: RunPanel | None = None
        self._told: list[Block] = []
        self._next = 0.0
        self.list = RunList(self.choose, self.sort)
        self._below = Shown()
        self._area = VBox([self._below.widget])
        self.deleting = Deleting(self._delete)
        calls = {
            "refresh": self.refresh, "back": lambda: self.turn(-1), "further": lambda: self.turn(1),
            "show": self.show, "compare": self.compare, "stop": self.stop, "delete": self.ask,
        }  # fmt: skip
        self.buttons = RunButtons(calls, self._show_all)
        controls = [self.buttons.above, self.list.widget, *self.buttons.beneath]
        super().__init__("runs", [*controls, self.deleting.widget, self._area])
        self.look()

    def blocks(self) -> list[Block]:
        """Return the page of runs, and what was asked about the chosen ones."""
        page = self.page()
        if not page:
            return [Lines("Runs", (NO_RUNS if not self._all else "No run fits.",), folded=False)]
        rows = tuple(tuple(of.show(entry) for of in COLUMNS.values()) for entry in page)
        table = Table("Runs", tuple(COLUMNS), rows, numeric=False, note=self._counted())
        return [table, *(self._open.blocks() if self._open else self._told)]

    def beat(self) -> bool:
        """Read the folder again if it is time to; return whether something goes on in it."""
        if time.monotonic() >= self._next:
            self.look()
        going = self._open._go_on() if self._open else False  # its errors stay in its part
        return going or any(entry.is_alive for entry in self._all)

    def look(self) -> None:
        """Show the runs as they are now."""
        start = time.thread_time()
        self._all = self._entries.read()
        names = {entry.name for entry in self._all}
        self.chosen = [name for name in self.chosen if name in names]
        if self._open and self._open.run.name not in names:
            self._shut()
        self._draw()
        self._next = time.monotonic() + max(1.0, COST * (time.thread_time() - start))

    def page(self) -> list[Entry]:
        """Return the runs that are on the page now."""
        found = self._found()
        self._page = max(0, min(self._page, (len(found) - 1) // PAGE))
        return found[PAGE * self._page :][:PAGE]

    def sort(self, column: str) -> None:
        """Sort by a column; by the same one again the other way round."""
        self._down = not self._down if column == self._sort else column in DOWNWARDS
        self._sort, self._page = column, 0
        self._show_all()

    def choose(self, name: str, is_chosen: bool) -> None:
        """Tick a run, or take the tick away."""
        others = [one for one in self.chosen if one != name]
        self.chosen = [*others, name] if is_chosen else others
        self.deleting.forget()
        self._show_all()

    def turn(self, pages: int) -> None:
        """Turn pages of the list, forwards or back."""
        self._page += pages
        self._show_all()

    def show(self) -> None:
        """Show the chosen run below, with its own buttons."""
        self._shut()

        def opened() -> None:
            self._open = RunPanel(self.chosen[0])
            self._area.children = [self._open.root]

        self._do(opened)

    def compare(self) -> None:
        """Show below how the two chosen runs differ."""
        self._shut()

        def compared() -> None:
            self._told = difference(*map(Run, self.chosen))
            self._below.show(self._told)

        self._do(compared)

    def stop(self) -> None:
        """Ask the chosen runs that go on to end."""

        def stopped() -> None:
            for entry in self._all:
                if entry.name in self.chosen and entry.is_alive:
                    entry.run.stop()

        self._do(stopped)

    def ask(self) -> None:
        """Ask whether the chosen runs should be deleted; nothing is touched."""
        self.deleting.forget()
        self._do(lambda: self.deleting.ask(self.chosen))

    def refresh(self) -> None:
        """Read the folder again, sizes too."""
        self._entries.forget_sizes()
        self._do(lambda: None)

    def _delete(self, call: Callable[[], Any]) -> None:
        self._entries.forget_sizes()
        self._do(call)

    def _do(self, call: Callable[[], Any]) -> None:
        """Do something, show what is there then, and follow what goes on."""
        self.say("")
        self.attempt(call)
        self.attempt(self.look)
        self.attempt(self.keep)
        self.wake()

    def _shut(self) -> None:
        """Take away what is shown below."""
        if self._open is not None:
            self._open.close()
        self._open, self._told = None, []
        self._below.show([])
        self._area.children = [self._below.widget]

    def _found(self) -> list[Entry]:
        found = matching(self._all, self.buttons.find.value)
        return sorted_by(found, self._sort, is_reversed=self._down)

    def _show_all(self) -> None:
        self.attempt(self._draw)
        self.attempt(self.keep)

    def _draw(self) -> None:
        page = self.page()
        self.list.show(page, self.chosen)
        self.list.mark(self._sort, is_reversed=self._down)
        self.buttons.turn(self._page, -(-len(self._found()) // PAGE))
        self.buttons.offer([entry for entry in self._all if entry.name in self.chosen])
        self.buttons.say(self._counted())
        self.mark("running" if any(entry.is_alive for entry in self._all) else "idle")

    def _counted(self) -> str:
        """Return how many runs there are, how many fit and are chosen, in a sentence."""
        if not self._all:
            return NO_RUNS
        found, n = self._found(), len(self._all)
        tops = [entry for entry in self._all if not _is_nested(entry, self._all)]
        size = words.size(sum(entry.size_bytes for entry in tops))
        said = f"{n} run{'s' * (n != 1)}, {size} on disk."
        if len(found) < n:
            said += f" {len(found)} fit{'s' * (len(found) == 1)} the text."
        if len(found) > PAGE:
            first = PAGE * self._page + 1
            said += f" Lines {first} to {min(first + PAGE - 1, len(found))} are shown."
        chosen = f"Chosen: {', '.join(self.chosen)}." if self.chosen else "Tick one or two."
        return f"{said} {chosen}"


def _is_nested(entry: Entry, entries: list[Entry]) -> bool:
    """Whether a run lies in the folder of another one, whose size includes it."""
    return any(other.run.path in entry.run.path.parents for other in entries)
