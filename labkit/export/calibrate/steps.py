"""The steps of finding int4 weights, each in a process of its own; JSON values in and out."""

from pathlib import Path
from typing import Any

from ..child import write_progress
from . import find
from .repair import Part


def write_texts(sources: dict[str, Any], repaired: bool, progress: str) -> None:
    """Let a model write what its weights are found by."""
    done = write_progress(progress)
    find.write_texts(find.Sources.from_json(sources), repaired=repaired, done=done)


def calibrate(
    sources: dict[str, Any], out: str, progress: str, shape: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Round the weights by GPTQ; return how."""
    known, done = find.Sources.from_json(sources), write_progress(progress)
    return find.find(known, Path(out), find.Shape(**(shape or {})), done=done)


def average(files: list[str], out: str) -> None:
    """Write the mean of what parts of a repair found."""
    find.average([Path(file) for file in files], Path(out))


def repair(
    sources: dict[str, Any], grids: str, out: str, part: list[int], progress: str
) -> list[float]:
    """Take some steps of a repair; return the losses, nats per token."""
    known, done = find.Sources.from_json(sources), write_progress(progress)
    return find.mend(known, Path(grids), Path(out), part=Part(*part), done=done)
