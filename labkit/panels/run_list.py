"""A page of runs to choose from: a line each, its columns beneath buttons that sort by them."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from .pieces import button, text
from .run_entries import COLUMNS, Entry

PAGE = 20
"""Runs on a page."""

SHEET = """<style>
.labkit-runs .labkit-list { container-type: inline-size; overflow: visible; width: 100%;
  border-bottom: 1px solid rgba(128,128,128,.4); }
.labkit-runs .labkit-line { display: grid; grid-template-columns: minmax(0,1.3fr) minmax(0,5fr);
  gap: 0 10px; align-items: center; width: 100%; overflow: visible; padding: 1px 4px;
  border-top: 1px solid rgba(128,128,128,.25); }
.labkit-runs .labkit-line > *, .labkit-runs .labkit-cells > * { min-width: 0; margin: 0;
  width: auto; overflow: hidden; text-overflow: ellipsis; }
.labkit-runs .labkit-line .widget-label-basic { display: flex; gap: 6px; overflow: hidden; }
.labkit-runs .labkit-line .widget-label-basic span { overflow: hidden; text-overflow: ellipsis; }
.labkit-runs .labkit-cells { display: grid; gap: 0 10px; align-items: center;
  grid-template-columns: 5em 9.5em 10.5em 1.1fr 1fr 1.1fr 5em; }
.labkit-runs .labkit-cells span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.labkit-runs .labkit-cells .labkit-end { text-align: right; font-variant-numeric: tabular-nums; }
.labkit-runs .labkit-titles button { background: none; text-align: left; padding: 0 2px;
  line-height: 28px; font-weight: 600; box-shadow: none; color: var(--jp-ui-font-color1, inherit); }
.labkit-runs .labkit-titles .labkit-cells button:last-child { text-align: right; }
.labkit-runs .labkit-titles button:hover { text-decoration: underline; box-shadow: none; }
.labkit-runs .labkit-is-chosen { background: rgba(76,120,168,.16);
  box-shadow: inset 3px 0 0 #4c78a8; }
@container (max-width: 860px) {
  .labkit-runs .labkit-line { grid-template-columns: minmax(0,1fr); padding: 4px; }
  .labkit-runs .labkit-cells { display: flex; flex-flow: row wrap; gap: 0 14px; }
  .labkit-runs .labkit-line:not(.labkit-titles) .labkit-cells { padding-left: 22px; }
  .labkit-runs .labkit-cells span { max-width: 100%; }
  .labkit-runs .labkit-titles { display: flex; flex-flow: row wrap; gap: 0 14px; }
  .labkit-runs .labkit-titles .labkit-cells { display: contents; }
}
</style>"""


class RunList:
    """A page of lines; a tick chooses the run, a column's title sorts.

    Args:
        choose: Called with a name and whether it is ticked.
        sort: Called with the name of a column.
    """

    def __init__(self, choose: Callable[[str, bool], None], sort: Callable[[str], None]) -> None:
        from ipywidgets import Box, VBox

        self.titles = {
            name: button(name, column.tip, lambda name=name: sort(name))  # type: ignore[misc]
            for name, column in COLUMNS.items()
        }
        first, *rest = self.titles.values()
        cells = Box(rest)
        cells.add_class("labkit-cells")
        head = Box([first, cells])
        head.add_class("labkit-line")
        head.add_class("labkit-titles")
        self._choose = choose
        self.lines: list[Line] = []
        self.widget = VBox([text(SHEET), head])
        self.widget.add_class("labkit-list")

    def show(self, entries: Sequence[Entry], chosen: Sequence[str]) -> None:
        """Show a page of runs, at most `PAGE`."""
        if (missing := len(entries) - len(self.lines)) > 0:
            self.lines += [Line(self._choose) for _ in range(missing)]
            top = self.widget.children[:2]
            self.widget.children = (*top, *(line.widget for line in self.lines))
        for line, entry in zip(self.lines, entries, strict=False):
            line.show(entry, is_chosen=entry.name in chosen)
        for line in self.lines[len(entries) :]:
            line.hide()

    def mark(self, column: str, *, is_reversed: bool) -> None:
        """Say by which column the runs are sorted."""
        for name, title in self.titles.items():
            sign = " ▼" if is_reversed else " ▲"
            title.description = name + sign if name == column else name
            order = f"sorted {'downwards' if is_reversed else 'upwards'}; press to reverse"
            tip = order if name == column else "press to sort by it"
            title.tooltip = f"{COLUMNS[name].tip}; {tip}"


class Line:
    """One run: a tick with its name, and what is in the columns."""

    def __init__(self, choose: Callable[[str, bool], None]) -> None:
        from ipywidgets import Box, Checkbox

        self.tick = Checkbox(indent=False)
        self._cells: Any = text()
        self.widget = Box([self.tick, self._cells])
        self.widget.add_class("labkit-line")
        self._choose = choose
        self._busy = False
        self.tick.observe(self._ticked, "value")

    def show(self, entry: Entry, *, is_chosen: bool) -> None:
        """Show a run."""
        self._busy = True  # what is set here was not ticked by a person
        self.tick.value = is_chosen
        self._busy = False
        self.tick.description = entry.name
        self.tick.tooltip = f"Choose {entry.name}"
        self._cells.value = cells(entry)
        (self.widget.add_class if is_chosen else self.widget.remove_class)("labkit-is-chosen")
        self.widget.layout.display = ""

    def hide(self) -> None:
        """Show nothing."""
        self.widget.layout.display = "none"

    def _ticked(self, change: Any) -> None:  # noqa: ANN401 - traitlets'
        if not self._busy:
            self._choose(self.tick.description, change["new"])


def cells(entry: Entry) -> str:
    """Return what stands beside a run's name; what is cut is whole in the tooltip."""
    shown = {name: column.show(entry) for name, column in COLUMNS.items() if name != "name"}
    parts = [
        f'<span title="{escape(f"{name}: {value}", quote=True)}"'
        f"{_END if name == 'size' else ''}>{escape(value)}</span>"
        for name, value in shown.items()
    ]
    return f'<div class="labkit-cells">{"".join(parts)}</div>'


_END = ' class="labkit-end"'
