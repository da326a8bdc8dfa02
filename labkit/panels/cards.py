"""Cards side by side: one for each model or rung, as many in a line as the page has room for."""

from collections.abc import Iterable
from html import escape

SHEET = """<style>
.labkit-compare .widget-box, .labkit-optimize .widget-box { overflow: visible; }
.labkit-compare h4, .labkit-optimize h4 { margin: 2px 0; }
.labkit-compare .labkit-row, .labkit-optimize .labkit-row { align-items: flex-start; }
.labkit-compare .labkit-field, .labkit-optimize .labkit-field { width: 300px; margin: 0 0 2px; }
.labkit-compare .widget-label, .labkit-optimize .widget-label { width: auto;
  flex: 0 0 126px !important; }
.labkit-compare .widget-checkbox .widget-label { flex: 0 0 0 !important; }
.labkit-optimize .widget-checkbox .widget-label { flex: 0 0 0 !important; }
.labkit-compare .labkit-mover .widget-label, .labkit-optimize .labkit-mover .widget-label {
  color: transparent; user-select: none; }
.labkit-optimize textarea { field-sizing: content; min-height: 2.2em; resize: none; }
.labkit-cards { display: grid; gap: 8px; padding: 0; margin: 6px 0; list-style: none;
  grid-template-columns: repeat(auto-fit, minmax(min(var(--labkit-card, 220px), 100%), 1fr)); }
.labkit-card { border: 1px solid rgba(128,128,128,.45); border-radius: 6px; padding: 8px 10px;
  margin: 0; min-width: 0; overflow-wrap: anywhere; line-height: 1.4; }
.labkit-card.labkit-chosen { border: 2px solid var(--jp-brand-color1, #1976d2); padding: 7px 9px; }
.labkit-card.labkit-open { border-style: dashed; }
.labkit-card h5 { margin: 0 0 2px; font-size: 1.05em; display: flex; flex-wrap: wrap; gap: 2px 8px;
  align-items: baseline; justify-content: space-between; }
.labkit-card h5 small { font-weight: 400; font-size: .9em; white-space: nowrap; }
.labkit-card .labkit-said { white-space: pre-wrap; max-height: 16em; overflow-y: auto;
  margin: 4px 0; min-height: 1.4em; }
.labkit-card .labkit-large { font-size: 1.25em; }
.labkit-card .labkit-small { font-size: .92em; opacity: .85; }
.labkit-card mark { background: rgba(228,87,86,.22); color: inherit;
  text-decoration: underline wavy; text-underline-offset: 3px; }
.labkit-card table { border-collapse: collapse; width: 100%; margin: 4px 0; font-size: .95em;
  table-layout: fixed; color: inherit; }
.labkit-card th, .labkit-card td { text-align: left; font-weight: 400; padding: 1px 6px 1px 0;
  background: transparent; border: 0; font-variant-numeric: tabular-nums; }
.labkit-card td.labkit-number { text-align: right; white-space: nowrap; padding-right: 0; }
.labkit-card th { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.labkit-card th { width: 58%; }
.labkit-card .labkit-bars th { width: 38%; } .labkit-bars td.labkit-number { width: 4.6em; }
.labkit-bar { display: block; height: .8em; border: 1px solid rgba(128,128,128,.5);
  border-radius: 2px; }
.labkit-bar span { display: block; height: 100%; background: #4c78a8; }
.labkit-first th, .labkit-first td { font-weight: 700; }
</style>"""


def cards(made: Iterable[str], label: str, width: int = 220) -> str:
    """Return cards as a list that a screen reader counts.

    Args:
        made: Each card, as `card` returns it.
        label: What the list is of.
        width: Of a card at least, in pixels.
    """
    name = escape(label, quote=True)
    inside = "".join(made)
    style = f"--labkit-card:{width}px"
    return f'<ul class="labkit-cards" role="list" aria-label="{name}" style="{style}">{inside}</ul>'


def card(name: str, state: str, body: str, kind: str = "") -> str:
    """Return one card.

    Args:
        name: Its heading.
        state: A sign and a word beside it.
        body: HTML beneath.
        kind: A class that tells it from others, in addition to the words.
    """
    head = f"<h5><span>{escape(name)}</span><small>{escape(state)}</small></h5>"
    return f'<li class="labkit-card {kind}">{head}{body}</li>'


def facts(items: Iterable[tuple[str, str]]) -> str:
    """Return labels and values as the lines of a card; nothing for no value."""
    rows = "".join(
        f'<tr><th scope="row" title="{escape(label, quote=True)}">{escape(label)}</th>'
        f'<td class="labkit-number">{escape(value)}</td></tr>'
        for label, value in items
        if value
    )
    return f"<table>{rows}</table>" if rows else ""


def bars(shares: Iterable[tuple[str, float]], best: str) -> str:
    """Return shares of 1 as bars with their numbers; the best one stands out by its weight."""
    rows = "".join(
        f'<tr{_first(label == best)}><th scope="row" title="{escape(label, quote=True)}">'
        f"{escape(label)}</th>"
        f'<td><span class="labkit-bar" aria-hidden="true"><span style="width:{100 * share:.1f}%">'
        f'</span></span></td><td class="labkit-number">{100 * share:.1f}\u00a0%</td></tr>'
        for label, share in shares
    )
    return f'<table class="labkit-bars">{rows}</table>' if rows else ""


def _first(is_best: bool) -> str:
    return ' class="labkit-first"' if is_best else ""
