"""A run as HTML that a notebook keeps: no script, no style sheet, nothing fetched, all escaped.

Only what JupyterLab leaves in a saved notebook that is not trusted: plain tags, inline styles,
pictures as `<img>`. Colours are the page's own, so that dark themes stay dark.
"""

from collections.abc import Iterable
from html import escape

from ..run import FINISHED, Run
from . import story
from .blocks import Block, Box, Facts, Head, Lines, Picture, Table
from .drawing import data_uri
from .facts import href, place
from .plaintext import text

LINE = "1px solid rgba(128,128,128,0.4)"
NUMERALS = "font-variant-numeric:tabular-nums"

LONG, WIDE = 40, "13em"
"""Characters from which a cell is a text to read, and how wide it is then at least."""


def live(run: Run) -> str:
    """Return a run that is going, as a fragment."""
    return fragment(story.going(run))


def final(run: Run) -> str:
    """Return a run that has ended, as a fragment."""
    return fragment(story.ended(run), links=links(run, place(run)))


def bundle(run: Run) -> dict[str, str]:
    """Return the run for `display(…, raw=True)`: HTML, and text for where there is none."""
    html = final(run) if run.status in FINISHED else live(run)
    return {"text/plain": text(run), "text/html": html}


def fragment(blocks: Iterable[Block], *, links: str = "", level: int = 4) -> str:
    """Return blocks as one `<div>`; pictures that follow one another share a line."""
    style = "max-width:1100px;line-height:1.45;text-align:left"
    body = "".join(draw(block, level) for block in blocks)
    return f'<div class="labkit-run" style="{style}">{body}{links}</div>'


def links(run: Run, where: object) -> str:
    """Return links to the report and the folder, for a person who reads the notebook."""
    if not (run.path / "report.html").exists():
        return ""
    address = escape(href(run, "report.html"), quote=True)
    link = f'<a href="{address}" style="color:inherit">Open the whole report</a>'
    return f"<p>{link} ({escape(str(where))})</p>"


def draw(block: Block, level: int) -> str:
    """Return one block as HTML, its title a heading of `level` where it has no caption."""
    match block:
        case Head():
            return _head(block, level)
        case Facts():
            return _tiles(block) if block.tiles else _facts(block)
        case Table():
            return table(block)
        case Picture():
            return _picture(block)
        case Box():
            return _box(block, level)
        case Lines():
            return _lines(block, level)


def table(block: Table) -> str:
    """Return a table with caption and scopes; it scrolls where it is wider than the page."""
    head = "".join(_th(cell, "col", _side(block, at)) for at, cell in enumerate(block.header))
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    body = "".join(f"<tr>{_row(block, row)}</tr>" for row in block.rows)
    wide = "" if block.header else ";white-space:nowrap"
    caption = (
        f'<caption style="{_CAPTION}{wide}">{escape(block.title)}</caption>' if block.title else ""
    )
    note = f'<p style="margin:0.3em 0 0 0">{escape(block.note)}</p>' if block.note else ""
    return (
        f'<div style="{_FLOW};overflow-x:auto"><table style="{_TABLE}">{caption}'
        f"{head}<tbody>{body}</tbody></table>{note}</div>"
    )


_CAPTION = "caption-side:top;text-align:left;font-weight:600;padding:0 0 0.3em 0;color:inherit"
_FLOW = (
    "display:inline-block;vertical-align:top;box-sizing:border-box;max-width:100%;"
    "margin:1em 0 0.5em 0;padding:0 2.5em 0 0"
)
_TABLE = "border-collapse:collapse;margin:0;font-size:inherit;color:inherit;table-layout:auto"
_CELL = "padding:0.25em 1.2em 0.25em 0;vertical-align:top;background:transparent;max-width:30em"


def _head(block: Head, level: int) -> str:
    badge = (
        f'<span class="labkit-status" style="border:1px solid;border-radius:1em;'
        f'padding:0.05em 0.7em;font-weight:400;white-space:nowrap">{block.sign} '
        f"{escape(block.status)}</span>"
    )
    title = f'<h{level} style="margin:0.3em 0">Run {escape(block.name)} {badge}</h{level}>'
    where = f'<span style="{NUMERALS}">{escape(block.line)}</span>'
    if block.done is None:
        return title + (f'<div style="margin:0.3em 0">{where}</div>' if block.line else "")
    share = 100 * block.done / max(1.0, block.total)
    bar = (
        f'<progress value="{block.done:g}" max="{block.total:g}" title="{share:.0f} % done" '
        f'style="width:60%;max-width:480px;vertical-align:middle">{share:.0f} %</progress>'
    )
    return f'{title}<div style="margin:0.3em 0">{bar} {share:.0f} % · {where}</div>'


def _tiles(block: Facts) -> str:
    tile = "display:inline-block;vertical-align:top;margin:0.3em 1.8em 0.3em 0"
    value_style = f"font-size:1.25em;{NUMERALS}"
    cells = "".join(
        f'<div style="{tile}"><div style="font-size:0.9em;opacity:0.8">{escape(label)}</div>'
        f'<div style="{value_style}">{escape(value)}</div></div>'
        for label, value in block.items
    )
    return f"<div>{cells}</div>"


def _facts(block: Facts) -> str:
    return table(Table(block.title, (), block.items, numeric=False))


def _picture(block: Picture) -> str:
    return (
        f'<figure style="{_FLOW}"><figcaption style="font-weight:600">{escape(block.title)}'
        f'</figcaption><img alt="{escape(block.alt, quote=True)}" '
        f'src="{data_uri(block.draw())}" style="max-width:100%;height:auto"></figure>'
    )


def _box(block: Box, level: int) -> str:
    title = f'<h{level} style="margin:0 0 0.3em 0">{escape(block.title)}</h{level}>'
    steps = "".join(f"<li>{escape(step)}</li>" for step in block.steps)
    steps = f'<ul style="margin:0.3em 0 0 0">{steps}</ul>' if steps else ""
    body = f'<div style="white-space:pre-line">{escape(block.problem)}</div>{steps}'
    if not block.title:
        return f'<p style="margin:0.6em 0;opacity:0.85">{escape(block.problem)}</p>'
    style = f"border:{LINE};border-left:5px solid #e45756;padding:0.6em 1em;margin:0.8em 0"
    return f'<div class="labkit-trouble" style="{style}">{title}{body}</div>'


def _lines(block: Lines, level: int) -> str:
    items = "".join(f"<li>{escape(item)}</li>" for item in block.items)
    body = f'<ul style="margin:0.3em 0">{items}</ul>'
    if not block.folded:
        return f'<h{level} style="margin:1em 0 0.2em 0">{escape(block.title)}</h{level}>{body}'
    summary = f"<summary>{escape(block.title)} ({len(block.items)})</summary>"
    return f'<details style="margin:0.6em 0">{summary}{body}</details>'


def _row(block: Table, row: tuple[str, ...]) -> str:
    first, *rest = row
    cells = (_td(cell, _side(block, at)) for at, cell in enumerate(rest, 1))
    return _th(first, "row", "left") + "".join(cells)


def _side(block: Table, at: int) -> str:
    return "right" if block.numeric and at else "left"


def _th(cell: str, scope: str, side: str) -> str:
    weight = "600" if scope == "col" else "400"
    style = f"{_CELL};text-align:{side};font-weight:{weight};border-bottom:{LINE}"
    return f'<th scope="{scope}" style="{style}">{escape(cell)}</th>'


def _td(cell: str, side: str) -> str:
    style = f"{_CELL};text-align:{side};border-bottom:{LINE};{NUMERALS}"
    style += f";min-width:{WIDE}" if len(cell) > LONG else ""
    cell = cell.replace(" %", "\u00a0%").replace(", ", ",\u00a0") if side == "right" else cell
    return f'<td style="{style}">{escape(cell)}</td>'
