"""The whole way from a spec to rendered, split and checked rows; no tokenizer, no torch."""

import json
from hashlib import sha256
from pathlib import Path

from ..spec import FinetuneSpec
from .augment import enlarged
from .checks import duplicate_notes, refuse_leaks
from .examples import Example, Splits
from .labels import Parts, check_labels, contradictions, labelled, task_of
from .layouts import layout_of, learns_the_same
from .read import read_source
from .render import columns_of, render, render_notes
from .split import check_groups, choose, cut_share, groups_of, limited


def load(spec: FinetuneSpec, *, base: Path | None = None) -> Splits:
    """Return the rows that a spec names, rendered and split.

    Args:
        spec: `data`, the splits, the templates, `task`, `limit`, `augment` and `seed` are used.
        base: Folder that relative paths start from; the working directory if left out.

    Raises:
        DataError: A row, a file or a column cannot be used; the message names it.
        SpecError: A template or a split expression is wrong.
    """
    source = read_source(spec.data, base)
    choice = choose(source, spec)
    every_row = [row for part in choice.rows.values() for row in part]
    layout = layout_of(spec, source.text_template, columns_of(every_row))
    check_groups(choice.rows, spec.group_by)
    parts = {split: render(rows, layout) for split, rows in choice.rows.items()}
    every_example = [example for part in parts.values() for example in part]
    notes = [*source.notes, *choice.notes, *render_notes(every_row, layout, every_example)]
    own = source.task if learns_the_same(layout, source.text_template) else None
    task = task_of(spec.task, parts, layout.has_label, own, embeds=spec.embeds)
    labels: tuple[str, ...] = ()
    if task == "classification":
        parts, more = labelled(parts)
        labels = check_labels(parts)
        notes += [*more, *contradictions([e for part in parts.values() for e in part])]
    refuse_leaks(parts)
    notes += duplicate_notes(parts)
    if "validation" not in parts:
        groups = groups_of(choice.rows["train"], spec.group_by)
        sides, more = cut_share(parts["train"], groups, spec)
        parts, notes = parts | sides, notes + more
    parts["train"], more = limited(parts["train"], spec)
    parts["train"], changes = enlarged(parts, spec)
    return _splits(parts, labels, task, tuple(notes + more + changes))


def _splits(parts: Parts, labels: tuple[str, ...], task: str, notes: tuple[str, ...]) -> Splits:
    ordered = {split: tuple(parts.get(split, ())) for split in ("train", "validation", "test")}
    rows = [
        [split, example.prompt, example.completion, example.messages, *_other(example)]
        for split, part in ordered.items()
        for example in part
    ]
    fingerprint = sha256(json.dumps(rows, default=str).encode()).hexdigest()
    return Splits(**ordered, labels=labels, task=task, notes=notes, fingerprint=fingerprint)


def _other(example: Example) -> list[str]:
    """Return what a pair has beside other rows, whose fingerprint stays as it was."""
    return [] if example.rejected is None else [example.rejected]
