"""Training, validation and test rows: the data's own splits, expressions, or a share."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DataError, SpecError, near
from ..spec import FinetuneSpec
from .examples import Example
from .expressions import beyond, pick, split_names
from .labels import Parts
from .shares import drawn, take_limit, take_share, units_of
from .tables import Row, Source

RowParts = dict[str, list[Row]]


@dataclass(frozen=True)
class Choice:
    """The rows of each split; no `validation` means that a share is to be cut off."""

    rows: RowParts
    notes: tuple[str, ...] = ()


def choose(source: Source, spec: FinetuneSpec) -> Choice:
    """Return the rows that the spec's expressions and the data's own splits name."""
    rows = {"train": pick(source, spec.split, "split")}
    used = set(split_names(source, spec.split, "split"))
    notes = beyond(source, spec.split, "split")
    settings = {
        "validation": ("eval_split", spec.eval_split),
        "test": ("test_split", spec.test_split),
    }
    for split, (setting, expression) in settings.items():
        if expression is not None:
            rows[split] = pick(source, expression, setting)
            notes += beyond(source, expression, setting)
        elif split in source.splits and split not in used:
            rows[split] = pick(source, split, setting)
            notes.append(f"The {split} rows are the data's own: {len(rows[split])}.")
    _refuse_overlap(rows)
    return Choice(rows, tuple(notes))


def _refuse_overlap(rows: RowParts) -> None:
    """Refuse splits that name the same row of the source twice."""
    seen: dict[tuple[str, int], str] = {}
    for split, part in rows.items():
        for row in part:
            other = seen.setdefault((row.file, row.number), split)
            if other != split:
                raise SpecError(
                    f"The splits overlap: {row.name} is in both {other} and {split}.",
                    hint="Give ranges that share no row, such as train[:80%] and train[80%:].",
                )


def groups_of(rows: Sequence[Row], column: str | None) -> list[str] | None:
    """Return each row's value of the group column as text, or None without one."""
    if column is None:
        return None
    known = list(dict.fromkeys(name for row in rows for name in row.values))
    if column not in known:
        listed = ", ".join(known)
        raise DataError(
            f"group_by names the column {column!r}; the data has {listed}.",
            hint=near(column, known, f"Use one of: {listed}."),
        )
    empty = next((row for row in rows if row.values.get(column) in (None, "")), None)
    if empty is not None:
        raise DataError(
            f"The group column {column!r} is empty in {empty.name}.", hint="Fill it in."
        )
    return [str(row.values[column]) for row in rows]


def check_groups(rows: RowParts, column: str | None) -> None:
    """Refuse a group that stands in more than one split."""
    seen: dict[str, tuple[str, Row]] = {}
    for split, part in rows.items():
        for row, group in zip(part, groups_of(part, column) or (), strict=False):
            other, first = seen.setdefault(group, (split, row))
            if other != split:
                raise DataError(
                    f"The group {column} = {group!r} is in {other} ({first.name}) and in {split} "
                    f"({row.name}).",
                    hint="Move its rows to one split, or name one split and let a share be cut.",
                )


def cut_share(
    examples: list[Example], groups: list[str] | None, spec: FinetuneSpec
) -> tuple[Parts, list[str]]:
    """Cut the validation share off; equal prompts and groups stay on one side."""
    units = units_of(_keys(examples, groups))
    names = [_unit_name(examples[unit[0]], groups, unit[0]) for unit in units]
    labels = [example.label or "" for example in examples]
    chosen = take_share(units, labels, drawn(names, spec.seed), spec.eval_share)
    if not chosen:
        raise DataError(
            f"No validation rows can be cut from {len(examples)} rows in {len(units)} "
            f"group{'s' * (len(units) != 1)} of rows that belong together.",
            hint="Add rows, or name an eval_split.",
        )
    sides = {
        "train": [e for i, e in enumerate(examples) if i not in chosen],
        "validation": [e for i, e in enumerate(examples) if i in chosen],
    }
    return sides, _share_notes(sides, spec, labels)


def _keys(examples: list[Example], groups: list[str] | None) -> list[list[tuple[str, str]]]:
    keys = [[("prompt", identity(example))] for example in examples]
    for key, group in zip(keys, groups or (), strict=False):
        key.append(("group", group))
    return keys


def identity(example: Example) -> str:
    """Return what makes two rows the same question: the prompt, or all of a text without one."""
    return example.prompt if example.prompt.strip() else example.completion


def _unit_name(example: Example, groups: list[str] | None, index: int) -> str:
    return groups[index] if groups else identity(example)


def _share_notes(sides: Parts, spec: FinetuneSpec, labels: list[str]) -> list[str]:
    kept = {example.label or "" for example in sides["validation"]}
    how = ["by label"] * any(labels) + [f"whole groups of {spec.group_by}"] * bool(spec.group_by)
    notes = [
        f"{len(sides['validation'])} of {len(labels)} rows were put aside for validation "
        f"({', '.join([*how, f'seed {spec.seed}'])})."
    ]
    absent = [label for label in sorted(set(labels)) if label not in kept]
    if absent:
        notes.append(f"No validation row has the label {', '.join(absent)}.")
    return notes


def limited(examples: list[Example], spec: FinetuneSpec) -> tuple[list[Example], list[str]]:
    """Keep `limit` training rows, each label in proportion, and say so."""
    if spec.limit is None or spec.limit >= len(examples):
        return examples, []
    labels = [example.label or "" for example in examples]
    least = len(set(labels))
    if spec.limit < least:
        raise SpecError(
            f"limit must be at least {least}, one row per label; got {spec.limit}.",
            hint=f"Set limit: {4 * least} or more.",
        )
    order = drawn([f"{identity(e)}\n{e.completion}" for e in examples], spec.seed)
    kept = take_limit(labels, order, spec.limit)
    note = f"limit: {len(kept)} of {len(examples)} training rows are used (seed {spec.seed})."
    return [examples[i] for i in kept], [note]
