"""Answers that a model gave to the same prompts while it learned, step beside step."""

from ..recorder import Event
from ..run import Run
from . import words
from .answers import judged
from .blocks import Block, Table

COLUMNS = 6
"""Steps shown: the latest, the first, and some between; more would not fit."""


def samples(run: Run) -> list[Block]:
    """Return the answers of the validations that have any, the latest first."""
    by_step: dict[int, dict[str, Event]] = {}
    for event in run.of("sample"):
        by_step.setdefault(event.get("step", 0), {})[event.get("prompt", "")] = event
    if not by_step:
        return []
    steps = spread(sorted(by_step, reverse=True), COLUMNS)
    latest = by_step[steps[0]]
    rows = tuple(
        (shown, words.head(event.get("expected", "")),
         *(_answer(by_step[step].get(prompt)) for step in steps))
        for (prompt, event), shown in zip(latest.items(), words.apart(list(latest)), strict=True)
    )  # fmt: skip
    header = ("prompt", "expected", *(f"step {step}" for step in steps))
    return [Table("Answers while it learns", header, rows, numeric=False)]


def spread(items: list[int], most: int) -> list[int]:
    """Return at most so many items: the first, the last, and the others evenly between."""
    if len(items) <= most:
        return items
    return [items[round(at * (len(items) - 1) / (most - 1))] for at in range(most)]


def _answer(event: Event | None) -> str:
    return judged(event.get("answer", ""), event.get("expected", "")) if event else "–"
