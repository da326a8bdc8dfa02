"""What raters found, as text and as HTML."""

from collections.abc import Mapping
from typing import Any

from . import words
from .blocks import Block, Table
from .html import fragment
from .plaintext import draw


def ratings_text(found: Mapping[str, Any]) -> str:
    """Return the results of a rating as text."""
    return "\n\n".join(draw(block) for block in _blocks(found))


def ratings_html(found: Mapping[str, Any]) -> str:
    """Return the results of a rating as HTML."""
    return fragment(_blocks(found))


def _blocks(found: Mapping[str, Any]) -> list[Block]:
    models = list(next(iter(found["marks"].values())))
    rows = tuple(
        (name, *(_mark(of[model]) for model in models), _agreement(found, name))
        for name, of in found["marks"].items()
    )
    raters = len(found["raters"])
    who = f"{raters} rater{'s' * (raters != 1)}"
    title = f"Marks from 1 to 5 by {who} on {words.count(found['n'])} rows"
    said = [
        f"By {name}: {of['sentence']}"
        for name, of in found["comparisons"].items()
        if name != "preferred"
    ]
    used = dict.fromkeys(of["measure"] for of in found["agreement"].values())
    said += [f"Agreement: {', '.join(used)}; 1 is full, 0 is chance."] if used else []
    header = ("", *models, "agreement")
    return [Table(title, header, rows, note=" ".join(said)), _preference(found, models)]


def _preference(found: Mapping[str, Any], models: list[str]) -> Table:
    counts = found["preferred"]
    total = sum(counts.values())
    rows = tuple(
        (name, words.count(counts[name]), words.percent(counts[name] / total))
        for name in (*models, "same")
    )
    note = found["comparisons"]["preferred"]["sentence"]
    shared = _agreement(found, "preferred")
    note += f" Agreement of the raters: {shared}." if found["agreement"] else ""
    return Table("Which answer they would rather have", ("", "times", "share"), rows, note=note)


def _mark(of: Mapping[str, Any]) -> str:
    bounds = of.get("interval")
    shown = f" [{bounds[0]:.2f}, {bounds[1]:.2f}]" if bounds else ""
    return f"{of['value']:.2f}{shown}"


def _agreement(found: Mapping[str, Any], name: str) -> str:
    value = (found["agreement"].get(name) or {}).get("value")
    return "–" if value is None else f"{value:.2f}"
