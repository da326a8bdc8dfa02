"""From a data set's name to files of rows: labkit's own, or made once from a wheel."""

import json
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from ..errors import CatalogError, near
from ..files import sha256_of
from . import cache, package
from .child import Progress, unseen
from .entries import data_entry, data_sets
from .kinds import DataEntry
from .rows import MAKERS
from .rows.kinds import Row
from .sources import RowsFile, RowsSource


def data_files(entry: DataEntry, *, progress: Progress | None = None) -> dict[str, Path]:
    """Return each split's JSON Lines file; rows from a wheel are fetched and made once.

    Args:
        entry: A data set of the catalogue.
        progress: Called with stage (`fetch`), bytes done, bytes in total.

    Raises:
        CatalogError: The wheel cannot be fetched, or is not the one in the catalogue.
    """
    if entry.package is not None and not is_at_hand(entry):
        with cache.locked(entry.name, "data"):
            if not is_at_hand(entry):
                _make(entry, entry.package, progress or unseen)
    return {split: entry.path(split) for split in entry.splits}


def resolve_data(name: str, *, progress: Progress | None = None) -> Path:
    """Return the folder with the rows of the data set `name`, fetched if need be."""
    entry = data_entry(name)
    if entry is None:
        known = [entry.name for entry in data_sets()]
        raise CatalogError(
            f"The catalogue has no data set {name!r}.",
            hint=near(name, known, f"It has {', '.join(known)}."),
        )
    return next(iter(data_files(entry, progress=progress).values())).parent


def is_at_hand(entry: DataEntry) -> bool:
    """Tell whether every file of rows is there and is, by its hash, the catalogue's."""
    pinned = entry.package.splits if entry.package else {}
    return all(_is_pinned(entry.path(split), file) for split, file in pinned.items())


def _is_pinned(path: Path, pinned: RowsFile) -> bool:
    is_there = path.is_file() and path.stat().st_size == pinned.size
    return is_there and sha256_of(path) == pinned.sha256


def _make(entry: DataEntry, source: RowsSource, progress: Progress) -> None:
    cache.check_room(2 * source.wheel.size + sum(file.size for file in source.splits.values()))
    with cache.filling(cache.data_folder(entry.name, source.folder)) as folder:
        raw = folder / ".raw"
        raw.mkdir()
        made = MAKERS[source.maker](package.fetch_members(entry, source.wheel, raw, progress))
        rmtree(raw)
        for split, pinned in source.splits.items():
            path = folder / f"{split}.jsonl"
            path.write_bytes(as_lines(made[split]))
            _check(entry, path, pinned)
        (folder / "NOTICE.txt").write_text(_notice(entry, source), encoding="utf-8")


def as_lines(rows: Sequence[Row]) -> bytes:
    """Return rows as JSON Lines, UTF-8."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _check(entry: DataEntry, path: Path, pinned: RowsFile) -> None:
    if not _is_pinned(path, pinned):
        found = sha256_of(path)
        raise CatalogError(
            f"The {path.stem} rows made for {entry.name} are not those in the catalogue: their "
            f"SHA-256 is {found[:12]}… in place of {pinned.sha256[:12]}….",
            hint="They were not kept; report it with the versions of labkit and Python.",
        )


def _notice(entry: DataEntry, source: RowsSource) -> str:
    return (
        f"{entry.title}\n\nMade by {entry.made_by}.\nLicence: {entry.licence}, "
        f"{entry.licence_url}\n\nMade by labkit from {', '.join(source.wheel.members)} of the "
        f"Python package {source.wheel.requirement} (SHA-256 {source.wheel.sha256}): rows were "
        "chosen, split and put into columns.\n"
    )
