"""The record of a run as one page that opens offline: `report.html`."""

from html import escape
from pathlib import Path
from typing import Any

from ..files import read_json, write_text
from ..run import Run
from . import story, words
from .blocks import Block, Facts, Table
from .evaluations import evaluations
from .exports import exports
from .facts import title
from .html import draw, fragment


def write_report(run: Run) -> Path:
    """Write the run's `report.html` and return its path."""
    file = run.path / "report.html"
    write_text(file, page(run))
    return file


def page(run: Run) -> str:
    """Return a whole document: everything that the folder records, nothing fetched."""
    name = escape(f"Run {title(run)}")
    top, *blocks = story.story(run) if run.status == "waiting" else story.ended(run)
    body = fragment(blocks, level=2)
    made = [*evaluations(run), *exports(run)]
    more = fragment([*made, *settings(run), *environment(run), *summary(run)], level=2)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{draw(top, 1)}\n{body}\n{first_example(run)}\n{more}\n</main>\n</body>\n</html>\n"
    )


def first_example(run: Run) -> str:
    """Return the first rendered row: the part that carries the loss is marked, and said so."""
    example = run.last("example")
    if not example:
        return ""
    target = example.get("n_target_tokens")
    counted = (
        f" The row has {example.get('n_tokens')} tokens; {target} carry the loss." if target else ""
    )
    return (
        "<h2>The first row, as the model reads it</h2><p>The marked end is what is learned (the "
        f"loss part); the rest is the prompt.{escape(counted)}</p><pre>"
        f"{escape(str(example.get('prompt', '')))}"
        f"<mark>{escape(str(example.get('completion', '')))}</mark></pre>"
    )


def settings(run: Run) -> list[Block]:
    """Return every setting; those that differ from their default are marked in words."""
    changed = run.spec.changed()
    rows = tuple(
        (name, _plain(value), "changed" if name in changed else "")
        for name, value in run.spec.as_dict().items()
    )
    return [Table("All settings", ("setting", "value", "default?"), rows, numeric=False)]


def environment(run: Run) -> list[Block]:
    """Return what the run was made with, from env.json."""
    found = _flat(read_json(run.path / "env.json"))
    return [Facts("Environment", found)] if found else []


def summary(run: Run) -> list[Block]:
    """Return how many events of each kind the record holds, and over what time."""
    kinds: dict[str, int] = {}
    for event in run.events():
        kinds[event["kind"]] = kinds.get(event["kind"], 0) + 1
    items = tuple((kind, words.count(n)) for kind, n in kinds.items())
    return [Facts("Events in the record", items)] if items else []


def _flat(found: dict[str, Any], lead: str = "") -> tuple[tuple[str, str], ...]:
    items: list[tuple[str, str]] = []
    for key, value in found.items():
        label = f"{lead}{words.name(key)}"
        if isinstance(value, dict):
            items += _flat(value, f"{label}: ")
        else:
            items.append((label, words.value_of(key, value)))
    return tuple(items)


def _plain(value: Any) -> str:  # noqa: ANN401 - any setting
    if isinstance(value, tuple):
        return ", ".join(value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1b1b1b; --mark: #ffe08a; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --ink: #e6e6e6; --mark: #6b5300; } }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid rgba(128,128,128,.4);
  padding: .8em; }
mark { background: var(--mark); color: inherit; text-decoration: underline; }
td, th { overflow-wrap: break-word; } a { color: inherit; }
@media print { body { background: #fff; color: #000; } figure, table, pre { break-inside: avoid; } }
"""
