"""Rows that a run did not come with, rendered as its own were: another split, another data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ..catalog.entries import data_entry
from ..errors import DataError, near
from ..spec import FinetuneSpec
from .examples import Example
from .expressions import beyond, pick
from .labels import labelled
from .layouts import layout_of
from .read import read_source
from .render import columns_of, render, render_notes
from .tables import Source


@dataclass(frozen=True)
class Unseen:
    """Rows to measure a run on."""

    examples: tuple[Example, ...]
    """The rows, rendered by the run's templates."""

    split: str
    """The split that they are."""

    notes: tuple[str, ...]
    """Sentences for the reader."""


def load_unseen(
    spec: FinetuneSpec,
    data: str | None,
    split: str | None,
    labels: Sequence[str] = (),
    *,
    base: Path | None = None,
) -> Unseen:
    """Return rows of any data set and split in the form that a run was trained on.

    Of a preference pair the chosen completion is read; rows need no rejected one.

    Args:
        spec: The run's spec: its templates, and its data set where none is named.
        data: Data set, named as in a spec.
        split: Split expression; left out: test, else validation, else all there is.
        labels: The run's labels; a row with another one is refused.
        base: Folder that relative paths start from; the working directory if left out.

    Raises:
        DataError: A row, a file or a column cannot be used, or a label is unknown to the run.
    """
    source = read_source(data or spec.data, base)
    split = split or _last_split(source)
    rows = pick(source, split, "split")
    entry = data_entry(spec.data)
    own = entry.text_template if entry else None
    layout = layout_of(spec, own or source.text_template, columns_of(rows), pairs=False)
    examples = render(rows, layout)
    notes = [*source.notes, *beyond(source, split, "split"), *render_notes(rows, layout, examples)]
    if labels:
        parts, more = labelled({split: examples})
        examples, notes = parts[split], notes + more
        _check_known(examples, labels)
    return Unseen(tuple(examples), split, tuple(notes))


def drawn(examples: Sequence[Example], limit: int | None, seed: int) -> tuple[Example, ...]:
    """Return at most `limit` rows in their order, drawn so that sorted data is no trap."""
    if limit is None or limit >= len(examples):
        return tuple(examples)
    return tuple(examples[i] for i in sorted(Random(seed).sample(range(len(examples)), limit)))


def trained_on(examples: Sequence[Example], train: Sequence[Example]) -> int:
    """Count the rows that stand among the training rows as they are."""
    seen = {(example.prompt, example.completion) for example in train}
    return sum((example.prompt, example.completion) in seen for example in examples)


def _last_split(source: Source) -> str:
    known = [name for name in ("test", "validation") if name in source.splits]
    return known[0] if known else next(iter(source.splits))


def _check_known(examples: Sequence[Example], labels: Sequence[str]) -> None:
    for example in examples:
        if example.label not in labels:
            raise DataError(
                f"The label {example.label!r} in row {example.row} is none of the run's labels.",
                hint=near(str(example.label), labels, f"The run knows {', '.join(labels)}."),
            )
