"""A page of rows as a table: long texts cut, the whole in the tooltip, the chosen row marked."""

from collections.abc import Sequence
from html import escape
from typing import Any

from ..report import words
from ..report.blocks import Table
from .data_lines import Line

PAGE = 20
"""Rows on a page."""

SHOWN, WHOLE = 120, 600
"""Characters of a cell on the page, and in its tooltip."""

MOST_COLUMNS = 8
"""Columns on the page."""

SHEET = """<style>
.labkit-data .labkit-rows { overflow-x: auto; border-bottom: 1px solid rgba(128,128,128,.4); }
.labkit-data .labkit-rows table { border-collapse: collapse; width: 100%; font-size: inherit; }
.labkit-data .labkit-rows th, .labkit-data .labkit-rows td { text-align: left; padding: 3px 8px;
  vertical-align: top; border-top: 1px solid rgba(128,128,128,.25); white-space: normal;
  max-width: none; background: none; }
.labkit-data .labkit-rows thead th { border-top: 0; font-weight: 600; }
.labkit-data .labkit-rows tbody th { font-weight: 400; white-space: nowrap; }
.labkit-data .labkit-rows .labkit-wide { min-width: 14em; }
.labkit-data .labkit-rows .labkit-end { text-align: right; font-variant-numeric: tabular-nums; }
.labkit-data .labkit-rows .labkit-is-chosen > * { background: rgba(76,120,168,.16); }
.labkit-data .labkit-rendered pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0;
  padding: 8px; border: 1px solid rgba(128,128,128,.4); max-height: 22em; overflow-y: auto; }
.labkit-data .labkit-rendered mark { color: inherit; background: rgba(46,160,67,.22);
  text-decoration: underline; text-underline-offset: 3px; }
.labkit-data .labkit-part { overflow: visible; width: 100%; }
.labkit-data .labkit-part h4 { margin: 10px 0 0 0; }
.labkit-data .widget-textarea { flex-direction: column; align-items: stretch; height: auto;
  margin: 2px 0; }
.labkit-data .widget-textarea .widget-label { text-align: left; width: auto; }
.labkit-data .widget-textarea textarea { box-sizing: border-box; flex: 0 0 auto; }
</style>"""


def rows_html(lines: Sequence[Line], columns: Sequence[str], chosen: int | None, unit: str) -> str:
    """Return a page of rows.

    Args:
        lines: At most `PAGE` rows.
        columns: Their columns.
        chosen: Place of the chosen row among them.
        unit: What lengths are counted in.
    """
    shown = columns[:MOST_COLUMNS]
    titles = (*HEAD, *shown, unit, "remarks")
    head = "".join(_title(title, is_number=title == unit) for title in titles)
    body = "".join(_row(line, shown, at == chosen) for at, line in enumerate(lines))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="labkit-rows" tabindex="0" role="region" aria-label="rows">{table}</div>'


def rows_table(lines: Sequence[Line], columns: Sequence[str], unit: str, note: str) -> Table:
    """Return the same page as the record keeps it."""
    shown = columns[:MOST_COLUMNS]
    rows = tuple(
        (
            str(line.row.number),
            line.split,
            *(words.head(cell_text(line.row.values.get(name)), SHOWN) for name in shown),
            str(line.length),
            ", ".join(line.remarks),
        )
        for line in lines
    )
    return Table("Rows", (*HEAD, *shown, unit, "remarks"), rows, numeric=False, note=note)


HEAD = ("row", "split")


def cell_text(value: Any) -> str:  # noqa: ANN401 - any cell
    """Return a value of a row as text; a chat as its turns."""
    if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
        return " · ".join(f"{turn.get('role', '')}: {turn.get('content', '')}" for turn in value)
    return "–" if value is None else str(value)


def _title(text: str, *, is_number: bool) -> str:
    side = ' class="labkit-end"' if is_number else ""
    return f'<th scope="col"{side}>{escape(text)}</th>'


def _row(line: Line, columns: Sequence[str], is_chosen: bool) -> str:
    sign, mark = ("▸ ", ' class="labkit-is-chosen" aria-current="true"') if is_chosen else ("", "")
    cells = "".join(_cell(cell_text(line.row.values.get(column))) for column in columns)
    return (
        f'<tr{mark}><th scope="row" title="row {line.row.number} of {escape(line.row.file)}">'
        f"{sign}{line.row.number}</th><td>{escape(line.split)}</td>{cells}"
        f'<td class="labkit-end">{line.length}</td><td>{escape(", ".join(line.remarks))}</td></tr>'
    )


def _cell(text: str) -> str:
    shown = words.head(text, SHOWN)
    whole = f' title="{escape(words.head(text, WHOLE), quote=True)}"' if shown != text else ""
    wide = ' class="labkit-wide"' if len(shown) > SHOWN // 3 else ""
    return f"<td{wide}{whole}>{escape(shown)}</td>"
