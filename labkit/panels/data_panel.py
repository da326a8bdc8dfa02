"""The panel of a data set: its rows, what is off about them, and the template as one types it."""

from functools import partial
from html import escape
from typing import Any

from ..api.staging import checked_spec, staged
from ..data.quality import Quality
from ..report import KeptPictures
from ..report.blocks import Block, Lines
from ..report.data_report import data_blocks, short, verdict
from ..spec import FinetuneSpec
from .data_filters import DataFilters
from .data_lines import MOST, Line, columns_in
from .data_pages import Pages
from .data_reading import Inspected, Read, inspect, read
from .data_table import PAGE, SHEET, rows_html, rows_table
from .equivalents import yaml_text
from .latest import Latest
from .panel import Panel
from .pieces import copyable, put, text
from .shown import Shown
from .template_editor import TemplateEditor


class DataPanel(Panel):
    """Rows to look through, the report of `%data`, and a template editor; nothing is trained.

    Args:
        data: A name, a path, a list of dicts, a DataFrame or a `datasets.Dataset`.
        settings: Fields of `FinetuneSpec`, such as `text_template`.

    Raises:
        SpecError, CatalogError: A setting is wrong.
    """

    def __init__(self, data: Any = "phrases", **settings: Any) -> None:  # noqa: ANN401 - rows
        self._given = {"data": data, **settings}
        with staged(self._given) as ready:
            self.spec = checked_spec(None, ready)
        self.quality: Quality | None = None
        self.lines: list[Line] = []
        self._found: list[Line] = []
        self._unit, self._status = "words", "reading"
        self._pictures = KeptPictures()
        self.filters, self.pages = DataFilters(self.look), Pages(self.look)
        self.editor = TemplateEditor(self._write, self.apply)
        self._state, self._rows, self._report = text(), text(SHEET), Shown()
        self.settings = copyable("settings", "")
        super().__init__("data", [self._state, self._parts()])
        reads = partial(read, self._given)
        self._reading: Latest[FinetuneSpec, Read] = Latest(reads, self._show_rows, _wait)
        self._inspecting: Latest[Read, Inspected] = Latest(inspect, self._show_report, _wait)
        self._begin(self.spec)

    def blocks(self) -> list[Block]:
        """Return the report, the page of rows and the settings."""
        blocks: list[Block] = list(self._told()) if self.quality else []
        if self.lines:
            columns = columns_in(self._page())
            blocks.append(rows_table(self._page(), columns, self._unit, self._counted()))
        elif not self.quality:
            blocks.append(Lines(f"Data {short(self.spec.data)}", (self._counted(),), folded=False))
        settings = tuple(self.settings.value.splitlines())
        return [*blocks, Lines("Settings", settings, folded=False)]

    def look(self) -> None:
        """Show the rows that fit what is looked for."""
        self.attempt(self._draw)
        self.attempt(self.keep)

    def apply(self) -> None:
        """Read all rows again with the template of the editor, and inspect them."""
        self.say("")
        self.attempt(lambda: self._begin(self.editor.spec()))

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until all rows are read and inspected; return whether they are."""
        return self._reading.wait(seconds) and self._inspecting.wait(seconds)

    def _begin(self, spec: FinetuneSpec) -> None:
        self.mark("reading")
        self._say_state("Reading the rows …")
        self._reading.ask(spec)

    def _show_rows(self, found: Read) -> None:
        def shown() -> None:
            if found.material is None:
                assert found.error is not None
                raise found.error
            self.spec, self.lines, self._unit = found.spec, found.lines, "words"
            self.filters.offer(self.lines, self._unit)
            columns = columns_in(self.lines)
            self.editor.open(self.spec, found.material.layout, columns)
            self._draw()
            self.mark("inspecting")
            self._say_state("Looking for duplicates, lengths, labels …")

        if self.attempt(shown):
            self._inspecting.ask(found)
        else:
            self.mark("failed")
            self._say_state("")
        self.attempt(self.keep)

    def _show_report(self, found: Inspected) -> None:
        def shown() -> None:
            self.quality, self.lines, self._unit = found
            self.filters.offer(self.lines, self._unit)
            self._draw()
            self._report.show(self._told())
            self._say_state(f"{escape(verdict(self.quality).title)}; the report is below.")
            self.mark("ready")

        self.attempt(shown)
        self.attempt(self.keep)

    def _told(self) -> list[Block]:
        assert self.quality is not None
        blocks = data_blocks(self.quality)
        return [self._pictures.kept(block, is_last=True) for block in blocks]

    def _draw(self) -> None:
        wanted = self.filters.wanted
        self._found = [line for line in self.lines if wanted.fits(line)]
        self.pages.offer(len(self._found), self._counted())
        page = self._page()
        columns = columns_in(page)
        html = SHEET + rows_html(page, columns, self.pages.at % PAGE, self._unit)
        if self._rows.value != html:
            self._rows.value = html
        chosen = self._found[self.pages.at] if self._found else None
        self.editor.show(chosen.row if chosen else None)

    def _page(self) -> list[Line]:
        first = self.pages.at // PAGE * PAGE
        return self._found[first : first + PAGE]

    def _counted(self) -> str:
        n, fit = len(self.lines), len(self._found)
        if not n:
            return "No row has been read."
        said = f"{n:,} rows" + (f" (the first {MOST:,} of the data)" if n == MOST else "")
        return f"{said}, {fit:,} of them fit." if fit < n else f"{said}."

    def _write(self) -> None:
        """Show the settings as they would stand in a cell; a wrong template changes nothing."""
        if not self.editor.is_right:
            return
        said = yaml_text(self.editor.spec())
        if not isinstance(self._given["data"], str):
            said = said.replace(f"data: {self.editor.spec().data}\n", "data: {{rows}}\n")
        put(self.settings, said)

    def _say_state(self, said: str) -> None:
        self._state.value = f'<div role="status">{said}</div>'

    def _parts(self) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import VBox

        self.settings.rows, self.settings.layout.height = 4, "auto"
        found = VBox([
            text("<h4>Rows</h4>"), self.filters.widget, self._rows, self.pages.widget,
            text("<h4>Template</h4>"), self.editor.widget,
            text("<h4>For a cell</h4>"), self.settings,
            text("<h4>Report</h4>"), self._report.widget,
        ])  # fmt: skip
        found.add_class("labkit-part")
        return found


def _wait() -> None:
    """Say nothing more: the panel says from the beginning what it does."""
