"""Tasks and labels: when completions are labels, and what is wrong with some."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..errors import DataError, near
from .examples import Example

MOST_LABELS = 50
LONGEST_LABEL = 60
"""Characters."""
ROWS_PER_LABEL = 4

Parts = dict[str, list[Example]]


def task_of(
    asked: str, parts: Parts, has_label: bool, own: str | None = None, *, embeds: bool = False
) -> str:
    """Return the task.

    Args:
        asked: A task, or `auto`: the data set's own, else classification where few short
            completions repeat, extraction where all are JSON objects, generation in the rest.
        parts: The rows.
        has_label: Whether the completion is one bare column.
        own: The data set's own task for this completion, if it has one.
        embeds: Whether an encoder learns, which writes nothing: without labels its task is
            `retrieval`, to find the completion that belongs to a text.
    """
    task = _task_of(asked, parts, has_label, own)
    return "retrieval" if embeds and task != "classification" else task


def _task_of(asked: str, parts: Parts, has_label: bool, own: str | None) -> str:
    if asked != "auto":
        return asked
    examples = [example for part in parts.values() for example in part]
    if own is not None:
        return own
    if has_label and _are_labels([example.completion.strip() for example in examples]):
        return "classification"
    is_extraction = all(e.prompt.strip() and _is_object(e.completion) for e in examples)
    return "extraction" if is_extraction else "generation"


def _are_labels(completions: Sequence[str]) -> bool:
    distinct = set(completions)
    few = 2 <= len(distinct) <= MOST_LABELS and ROWS_PER_LABEL * len(distinct) <= len(completions)
    return few and all(len(label) <= LONGEST_LABEL for label in distinct)


def _is_object(completion: str) -> bool:
    try:
        return isinstance(json.loads(completion), dict)
    except (ValueError, RecursionError):
        return False


def labelled(parts: Parts) -> tuple[Parts, list[str]]:
    """Return the examples with their labels, blanks around them made equal, and notes."""
    everything = [example for part in parts.values() for example in part]
    lead = _usual_lead(everything)
    marked = {split: [_marked(e, lead) for e in part] for split, part in parts.items()}
    uneven = sum(_is_uneven(example, lead) for example in everything)
    notes = [f"Blanks around the label were made the same in {uneven} rows."] if uneven else []
    return marked, notes


def _usual_lead(examples: Iterable[Example]) -> str:
    leads = Counter(e.completion[: -len(e.completion.lstrip())] for e in examples)
    return leads.most_common(1)[0][0]


def _marked(example: Example, lead: str) -> Example:
    label = example.completion.strip()
    if example.messages is not None:
        return replace(example, label=label)
    return replace(example, label=label, completion=lead + label)


def _is_uneven(example: Example, lead: str) -> bool:
    return example.messages is None and example.completion != lead + example.completion.strip()


def check_labels(parts: Parts) -> tuple[str, ...]:
    """Return the labels, sorted; refuse too few, one seen once, one not trained on."""
    seen = Counter(str(example.label) for example in parts["train"])
    if len(seen) < 2:
        row = parts["train"][0].row
        raise DataError(
            f"Classification needs at least two labels; there is only {next(iter(seen))!r}, "
            f"in row {row} and all others.",
            hint="Check the completion's column, or set task: generation.",
        )
    for example in parts["train"]:
        _check_repeated(example, seen)
    for split in ("validation", "test"):
        for example in parts.get(split, ()):
            _check_trained(example, split, seen)
    return tuple(sorted(seen))


def _check_repeated(example: Example, seen: Counter[str]) -> None:
    if seen[str(example.label)] > 1:
        return
    others = [label for label in seen if label != example.label]
    advice = near(str(example.label), others, "Correct it or add rows with it.")
    raise DataError(
        f"The label {example.label!r} is seen once, in row {example.row}.",
        hint=f"{advice} If completions are no labels, set task: generation.",
    )


def _check_trained(example: Example, split: str, seen: Counter[str]) -> None:
    if str(example.label) not in seen:
        raise DataError(
            f"The label {example.label!r} in row {example.row} of {split} is in no training row.",
            hint=near(str(example.label), seen, "Add training rows with it, or take it out."),
        )


def contradictions(examples: Sequence[Example]) -> list[str]:
    """Return a note on equal prompts with different labels, if there are any."""
    first: dict[str, Example] = {}
    pairs = [
        (first[e.prompt], e) for e in examples if first.setdefault(e.prompt, e).label != e.label
    ]
    if not pairs:
        return []
    one, other = pairs[0]
    return [
        f"{len(pairs)} rows have the prompt of an earlier row with another label, such as row "
        f"{one.row} ({one.label}) and row {other.row} ({other.label})."
    ]
