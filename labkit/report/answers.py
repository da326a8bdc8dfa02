"""Answers side by side: of text tasks, and the best, worst and random ones of a measurement."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import words
from .blocks import Block, Table
from .figures import title, value
from .scores import judged_model, models_of

SHOWN = 5
"""Rows whose answers are shown."""

LONGEST = 200
"""Characters of a text in a cell."""

SHORT = 60
"""Characters up to which an answer is right only where it is the very reference."""

KINDS = {"best": "Best answers", "worst": "Worst answers", "random": "Answers drawn at random"}
"""Samples of a measurement and what their tables are called."""


def generated(metrics: dict[str, Any]) -> list[Block]:
    """Return answers that the models wrote for the same rows, beside what was wanted."""
    models = models_of(metrics)
    wanted = judged_model(metrics)[1].get("references", ())[:SHOWN]
    if not wanted or "samples" in metrics:
        return []
    prompts = judged_model(metrics)[1].get("prompts", ())[:SHOWN]
    answers = {name: of.get("answers", ())[:SHOWN] for name, of in models.items()}
    rows = [
        (reference, {name: texts[at] for name, texts in answers.items() if at < len(texts)})
        for at, reference in enumerate(wanted)
    ]
    return [side_by_side("Generated answers", prompts, rows, list(models))]


def samples(metrics: dict[str, Any]) -> list[Block]:
    """Return the best, the worst and some random rows of a measurement."""
    found, names = metrics.get("samples") or {}, list(models_of(metrics))
    metric = str(found.get("metric", ""))
    return [
        side_by_side(
            heading + (f" by {title(metric)} of {names[-1]}" if kind != "random" else ""),
            [row["prompt"] for row in found[kind]],
            [(row["reference"], row["answers"]) for row in found[kind]],
            names,
            [value(metric, row.get("score")) for row in found[kind]],
        )
        for kind, heading in KINDS.items()
        if found.get(kind)
    ]


def side_by_side(
    heading: str,
    prompts: Sequence[str],
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    names: Sequence[str],
    marks: Sequence[str] = (),
) -> Table:
    """Return a table of rows: the prompt's own part, what was wanted, each model's answer.

    Args:
        heading: What is shown.
        prompts: One a row; what all of them share is left out.
        rows: The reference, and each model's answer by the model's name.
        names: The models, in the order of the columns.
        marks: A score a row, where there is one.
    """
    lead = [[prompt] for prompt in words.apart(list(prompts), LONGEST)] or [[] for _ in rows]
    lines = tuple(
        (*before, words.head(wanted, LONGEST), *(_shown(found, name, wanted) for name in names),
         *([marks[at]] if marks else []))
        for at, (before, (wanted, found)) in enumerate(zip(lead, rows, strict=True))
    )  # fmt: skip
    header = (*(["prompt"] if prompts else []), "expected", *names, *(["score"] if marks else []))
    return Table(heading, tuple(header), lines, numeric=False)


def judged(answer: object, expected: object) -> str:
    """Return an answer with its judgement in a sign and a word; long texts are not judged so."""
    given, wanted = str(answer).strip(), str(expected).strip()
    shown = words.head(given, LONGEST) or "(empty)"
    if len(wanted) > SHORT and not _is_object(wanted):
        return shown
    return ("✓ right: " if _same(given, wanted) else "✗ wrong: ") + shown


def _shown(found: Mapping[str, Any], name: str, wanted: str) -> str:
    return judged(found[name], wanted) if name in found else "–"


def _same(given: str, wanted: str) -> bool:
    """Say whether two texts are equal, or equal as JSON objects."""
    if given == wanted or not _is_object(wanted):
        return given == wanted
    return _is_object(given) and bool(json.loads(given) == json.loads(wanted))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
