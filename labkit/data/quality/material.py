"""What is inspected: the rows as they were read, and as a run would see them.

Where a run would refuse the data, the rows that can be used are inspected all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import DataError
from ...spec import FinetuneSpec
from ..examples import Example, Splits
from ..expressions import SPLITS
from ..labels import Parts, labelled, task_of
from ..layouts import Layout, layout_of, learns_the_same
from ..load import load
from ..read import read_source
from ..render import columns_of, render
from ..split import Choice, choose, cut_share
from ..tables import Row, Source
from .findings import Place


@dataclass(frozen=True)
class Material:
    """Rows before and after rendering."""

    spec: FinetuneSpec

    layout: Layout
    """How a row becomes prompt and completion."""

    rows: tuple[Row, ...]
    """The rows of all splits as they were read."""

    chosen: dict[str, tuple[Row, ...]]
    """The same by split, before a share of them is cut off for validation."""

    parts: dict[str, tuple[Example, ...]]
    """Split → rows as the model would see them; without those that cannot be used."""

    task: str

    notes: tuple[str, ...]
    """What `load` says of the rows."""

    unusable: tuple[tuple[Place, str], ...]
    """Rows that cannot be rendered, and why."""

    refusal: DataError | None
    """Why a run would refuse the data; None where it would not."""

    @property
    def examples(self) -> list[tuple[Place, Example]]:
        """All usable rows with their place."""
        return [(Place(s, e.row), e) for s, part in self.parts.items() for e in part]


def material_of(spec: FinetuneSpec, base: Path | None = None) -> Material:
    """Read and render the data that a spec names, row by row.

    Raises:
        DataError: Nothing can be read, or no template fits the columns.
        SpecError: A setting is wrong.
    """
    spec = replace(spec, augment=None)  # what is inspected is the data, not its copies
    source = read_source(spec.data, base)
    choice = choose(source, spec)
    rows = [row for part in choice.rows.values() for row in part]
    layout = layout_of(spec, source.text_template, columns_of(rows))
    rendered, unusable = _rendered(choice, layout)
    splits, refusal = _loaded(spec, base)
    if splits is None:
        task, parts, more = _split_anyway(rendered, source, layout, spec)
        notes: tuple[str, ...] = (*source.notes, *choice.notes, *more)
    else:
        task, notes = splits.task, splits.notes
        parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    kept = {split: tuple(parts[split]) for split in SPLITS if parts.get(split)}
    chosen = {split: tuple(part) for split, part in choice.rows.items()}
    return Material(spec, layout, tuple(rows), chosen, kept, task, notes, tuple(unusable), refusal)


def _loaded(spec: FinetuneSpec, base: Path | None) -> tuple[Splits | None, DataError | None]:
    try:
        return load(spec, base=base), None
    except DataError as error:
        return None, error


def _rendered(choice: Choice, layout: Layout) -> tuple[Parts, list[tuple[Place, str]]]:
    parts: Parts = {}
    unusable = []
    for split, rows in choice.rows.items():
        parts[split] = []
        for row in rows:
            try:
                parts[split] += render([row], layout)
            except DataError as error:
                unusable.append((Place(row.file, row.number), error.problem))
    return parts, unusable


def _split_anyway(
    parts: Parts, source: Source, layout: Layout, spec: FinetuneSpec
) -> tuple[str, dict[str, Sequence[Example]], list[str]]:
    """Return the task, the splits of rows that a run would refuse, and how they were cut."""
    if not any(parts.values()):
        return spec.task if spec.task != "auto" else "generation", {}, []
    own = source.task if learns_the_same(layout, source.text_template) else None
    task = task_of(spec.task, parts, layout.has_label, own)
    if task == "classification":
        parts, _ = labelled(parts)
    notes: list[str] = []
    if "validation" not in parts and spec.group_by is None:
        sides, notes = _cut(parts["train"], spec)
        parts = parts | sides
    return task, dict(parts), notes


def _cut(examples: list[Example], spec: FinetuneSpec) -> tuple[Parts, list[str]]:
    try:
        return cut_share(examples, None, spec)
    except DataError:
        return {"train": examples}, []
