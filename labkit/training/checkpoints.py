"""Checkpoints that are whole or absent, whenever the process or the power ends.

A checkpoint is written as `draft/checkpoint-N`, flushed to disk, and then renamed. Only
`checkpoint-N` beside it is ever read, so what a kill leaves behind is never trusted.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

DRAFT = "draft"
"""Folder in which a checkpoint or an adapter is written before it gets its name."""


def step_of(checkpoint: Path) -> int:
    """Return the step in the name `checkpoint-N`."""
    return int(checkpoint.name.rpartition("-")[2])


def whole(folder: Path) -> list[Path]:
    """Return the checkpoints in `folder`, oldest step first."""
    found = folder.glob("checkpoint-*") if folder.is_dir() else ()
    named = [path for path in found if re.fullmatch(r"checkpoint-\d+", path.name)]
    return sorted(named, key=step_of)


def newest(folder: Path) -> Path | None:
    """Return the checkpoint with the highest step, or None."""
    return max(whole(folder), key=step_of, default=None)


def publish(draft: Path, final: Path) -> None:
    """Give a folder that was written in full its name; an older one of that name goes."""
    for file in draft.rglob("*"):
        _flush(file)
    _flush(draft)
    if final.exists():
        remove(final)
    draft.rename(final)
    _flush(final.parent)


def remove(folder: Path) -> None:
    """Delete a folder; it loses its name first, so that no half of it can be found."""
    trash = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(trash, ignore_errors=True)
    folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def clean(folder: Path) -> None:
    """Delete what an interrupted save or deletion left behind."""
    for path in (folder / DRAFT, *folder.glob(".*.old")):
        shutil.rmtree(path, ignore_errors=True)


def prune(folder: Path, keep: set[Path]) -> None:
    """Delete the checkpoints that are not in `keep`."""
    for path in whole(folder):
        if path not in keep:
            remove(path)


def worth_keeping(folder: Path, best: Path, limit: int) -> set[Path]:
    """Return the newest `limit` checkpoints; the best takes the place of the oldest of them."""
    newest_first = whole(folder)[::-1]
    keep = {newest_first[0], best}
    others = [path for path in newest_first if path not in keep]
    return keep | set(others[: max(0, limit - len(keep))])


def state(checkpoint: Path) -> dict[str, Any]:
    """Return the state that the Trainer saved in a checkpoint."""
    text = (checkpoint / "trainer_state.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
