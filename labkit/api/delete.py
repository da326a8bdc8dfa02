"""Delete a run: its whole folder, exports included, and nothing else."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError, listed
from ..files import locked
from ..launch import PATIENCE
from ..report import words
from ..run import Run, all_runs, runs_folder


@dataclass(frozen=True)
class Deletion:
    """What goes when a run is deleted."""

    name: str
    """Name of the run in the runs folder."""

    path: Path
    """Its folder."""

    inside: tuple[str, ...]
    """Names of the runs that lie in it: exports, merged models, measurements."""

    size_bytes: int
    """What the files take on the disk."""

    n_files: int

    def __str__(self) -> str:
        more = f" with {listed(self.inside, 'and')}" if self.inside else ""
        files = f"{words.count(self.n_files)} file{'s' * (self.n_files != 1)}"
        return f"{self.name}{more}: {words.size(self.size_bytes)} in {files}"


def deletion(name: str) -> Deletion:
    """Return what `delete` would take away; nothing is touched.

    Raises:
        RunError: There is no such run in the runs folder, or it may not be deleted.
    """
    run = Run(name)
    _refuse_outside(name, run)
    inside = [Run(file.parent) for file in sorted(run.path.glob("*/**/spec.yaml"))]
    for one in (run, *inside):
        _refuse_at_work(one)
    names = tuple(one.name for one in inside)
    _refuse_in_use({run.name, *names})
    sizes = list(_sizes(run.path))
    return Deletion(run.name, run.path, names, sum(sizes), len(sizes))


def delete(name: str) -> Deletion:
    """Delete a run with all that lies in its folder; links are removed, never followed.

    Raises:
        RunError: There is no such run in the runs folder, it is at work or needed by one that is,
            or its files cannot be deleted.
    """
    found = deletion(name)
    with locked(found.path, patience=0):  # nobody may begin in it meanwhile
        try:
            shutil.rmtree(found.path)
        except OSError as error:
            raise RunError(
                f"The run {found.name!r} cannot be deleted: {error.filename}: "
                f"{(error.strerror or str(error)).lower()}.",
                hint=f"Some of its files may be gone. Delete the folder {found.path} by hand.",
            ) from error
    return found


def disk_use(path: Path) -> int:
    """Return the bytes of all files in a folder; one with two names counts once."""
    return sum(_sizes(path))


def _sizes(path: Path) -> Iterator[int]:
    """Give the size of each file below a folder, without following links."""
    seen = set()
    for file in path.rglob("*"):
        try:
            about = file.lstat()
        except FileNotFoundError:  # a checkpoint that was replaced meanwhile
            continue
        if not file.is_dir() or file.is_symlink():
            if about.st_ino not in seen:
                yield about.st_size
            seen.add(about.st_ino)


def _refuse_outside(name: str, run: Run) -> None:
    """Refuse a folder that is not in the runs folder itself, be it by a path or by a link."""
    root = runs_folder().resolve()
    if root not in run.path.parents:
        raise RunError(
            f"Only a run in {runs_folder()} can be deleted; {name!r} lies in {run.path}.",
            hint="Delete that folder by hand, or set LABKIT_RUNS to the folder it lies in.",
        )
    if str(Path(name)) != run.name and Path(name).absolute() != run.path:  # a link
        raise RunError(
            f"{name!r} leads to the run {run.name!r}; nothing was deleted.",
            hint=f"Delete {run.name!r} by its own name, or remove the link by hand.",
        )


def _refuse_at_work(run: Run) -> None:
    event = run.last("queued", "start", "end") or {"kind": "created"}
    is_expected = event["kind"] == "queued" and time.time() - event["time"] < PATIENCE
    if run.is_alive or is_expected:
        raise RunError(
            f"The run {run.name!r} is at work and cannot be deleted.",
            hint=f"Stop it first: %stop {run.name}.",
        )


def _refuse_in_use(names: set[str]) -> None:
    """Refuse runs that another one, at work now, was told to read."""
    for other in filter(lambda run: run.is_alive, all_runs()):
        for value in other.spec.as_dict().values():
            used = names.intersection(value if isinstance(value, tuple) else (value,))
            if used:
                raise RunError(
                    f"The run {used.pop()!r} is needed by {other.name!r}, which is at work.",
                    hint=f"Wait for {other.name!r} to end, or stop it.",
                )
