"""What a learner has done so far: one small file beside the runs, which nobody else reads."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..run import runs_folder

EMPTY: Mapping[str, Any] = {
    "attempts": 0,
    "hints": 0,
    "outcome": "not attempted",
    "solution": False,
    "skipped": False,
    "wrong": {},
    "passed": None,
}
"""What is known of an exercise that nobody has touched."""


def progress_file() -> Path:
    """Return where progress is kept."""
    return runs_folder() / "progress.json"


def read_progress() -> dict[str, Any]:
    """Return all that is known: exercises by number, predictions by name.

    A file that is not whole, as a full disk or an editor leaves one, is put aside as `.broken`.
    """
    file = progress_file()
    try:
        found = read_json(file)
    except (ValueError, TypeError):
        file.replace(file.with_suffix(".broken"))
        found = {}
    return {"exercises": {}, "predictions": {}, **found}


def write_progress(found: Mapping[str, Any]) -> None:
    """Keep what is known."""
    progress_file().parent.mkdir(parents=True, exist_ok=True)
    write_json(progress_file(), dict(found))


def of_exercise(number: str) -> dict[str, Any]:
    """Return what is known of one exercise."""
    return {**EMPTY, **read_progress()["exercises"].get(number, {})}


def note_exercise(number: str, **changes: Any) -> None:  # noqa: ANN401 - JSON values
    """Keep what has changed of one exercise."""
    found = read_progress()
    found["exercises"][number] = {**EMPTY, **found["exercises"].get(number, {}), **changes}
    write_progress(found)


def note_outcome(number: str, kind: str, why: str) -> None:
    """Keep what a check found; an exercise that was passed once stays passed."""
    before = of_exercise(number)
    if kind == "not attempted":
        return
    changes: dict[str, Any] = {"attempts": before["attempts"] + 1}
    if before["outcome"] != "pass":
        changes["outcome"] = kind
    if kind == "pass" and before["passed"] is None:
        changes["passed"] = round(time.time())
    if kind == "wrong":
        changes["wrong"] = before["wrong"] | {why: before["wrong"].get(why, 0) + 1}
    note_exercise(number, **changes)
