"""What `data:` names → its tables: a catalogue name, a file, a folder or a Hugging Face id."""

import re
from pathlib import Path

from ..catalog.datasets import data_files
from ..catalog.entries import data_entry, data_sets
from ..errors import DataError, near
from .expressions import SPLITS, canonical
from .formats import KINDS, kind_of, read_file
from .tables import Source

SHARD = re.compile(r"(?P<split>[A-Za-z]+)(-\d+-of-\d+)?")
"""Stem of a file that is a split, or a numbered part of one as on the Hugging Face hub."""

HUB_ID = re.compile(r"[\w][\w.-]*/[\w.-]+")
SAVED = ("dataset_dict.json", "dataset_info.json")
"""Files that `datasets.save_to_disk` leaves in a folder."""


def read_source(data: str, base: Path | None = None) -> Source:
    """Return the tables that a spec's `data` names.

    Args:
        data: A catalogue name, a file, a folder or a Hugging Face data set id.
        base: Folder that relative paths start from; the working directory if left out.
    """
    entry = data_entry(data)
    if entry is not None:
        tables = {split: [read_file(path)] for split, path in data_files(entry).items()}
        return Source(tables, text_template=entry.text_template, task=entry.task)
    path = (base or Path()) / Path(data).expanduser()
    if not data.strip():
        raise _missing(data, path)
    if path.is_dir():
        return read_folder(path)
    if path.exists():
        return Source({"train": [read_file(path)]})
    if is_hub_id(data, path):
        from .hub import read_hub

        return read_hub(data)
    raise _missing(data, path)


def is_hub_id(data: str, path: Path) -> bool:
    """Tell whether `data` can only be a Hugging Face id: no ending of a file, no such folder."""
    named = HUB_ID.fullmatch(data) is not None and path.suffix.lower() not in KINDS
    return named and not path.parent.exists()


def read_folder(folder: Path) -> Source:
    """Return the splits of a folder by file name, or all its files joined in name order."""
    if any((folder / name).exists() for name in SAVED):
        from .hub import read_saved

        return read_saved(folder)
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in KINDS and not path.name.startswith((".", "_"))
    )
    if not files:
        raise DataError(
            f"The folder {folder.name!r} has no data file.",
            hint=f"Data files end in {', '.join(KINDS)}.",
        )
    named = [path for path in files if split_of(path)]
    return _by_split(folder, named, files) if named else _joined(folder, files)


def split_of(path: Path) -> str | None:
    """Return the split a file is by its name: `dev.csv` is validation, `food.csv` none."""
    match = SHARD.fullmatch(path.stem)
    split = canonical(match["split"].lower()) if match else None
    return split if split in SPLITS else None


def _by_split(folder: Path, named: list[Path], files: list[Path]) -> Source:
    parts = {s: [path for path in named if split_of(path) == s] for s in SPLITS}
    for split, paths in parts.items():
        whole = [path for path in paths if "-of-" not in path.stem]
        if whole and len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            raise DataError(
                f"The folder {folder.name!r} has more than one file for {split}: {names}.",
                hint="Keep one of them.",
            )
    others = [path.name for path in files if path not in named]
    notes = [f"Not read, as their names are no split's: {', '.join(others)}."] if others else []
    tables = {split: [read_file(path) for path in paths] for split, paths in parts.items() if paths}
    return Source(tables, notes=tuple(notes))


def _joined(folder: Path, files: list[Path]) -> Source:
    kinds = sorted({kind_of(path) for path in files})
    if len(kinds) > 1:
        raise DataError(
            f"The folder {folder.name!r} mixes {' and '.join(kinds)} files.",
            hint="Name one file, or keep one kind, or name the files train, validation and test.",
        )
    note = f"{len(files)} files were joined: {', '.join(path.name for path in files)}."
    notes = (note,) if len(files) > 1 else ()
    return Source({"train": [read_file(path) for path in files]}, notes=notes)


def _missing(data: str, path: Path) -> DataError:
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    known = [entry.name for entry in data_sets()]
    fallback = f"Give a file, a folder, a Hugging Face id or one of: {', '.join(known)}."
    hint = near(data, known, near(path.name, beside, fallback))
    return DataError(f"There is no data set and no file {data!r}.", hint=hint)
