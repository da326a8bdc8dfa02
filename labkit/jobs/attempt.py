"""One attempt at a job: watched, mirrored to other logs, and ended in words whatever happens."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import machine
from ..errors import LabError
from ..files import is_no_room, locked
from ..recorder import Recorder
from ..report import autopsy
from ..resources import watched
from ..run import Run
from ..training.tensorboard import mirrored
from .job import Job


def attempt(
    do: Callable[[Job], str], run: Run, should_stop: Callable[[], bool], *, resume: bool
) -> dict[str, str]:
    """Do a job and return its last word, which says how it ended whatever happened.

    Args:
        do: The job; returns `done` or `stopped`.
        run: Its run; nobody else may work on it.
        should_stop: Whether it was asked to stop.
        resume: Whether to go on from the last checkpoint.

    Raises:
        RunError: Another worker is at work on the run.
    """
    with locked(run.path), logged(run.path / "log.txt"):
        recorder = Recorder(run.path)
        recorder.emit("start", pid=os.getpid(), resumed=resume)
        end = _attempted(do, run, recorder, should_stop, resume)
        recorder.emit("end", **end)
    return end


def _attempted(
    do: Callable[[Job], str],
    run: Run,
    recorder: Recorder,
    should_stop: Callable[[], bool],
    resume: bool,
) -> dict[str, str]:
    created = run.events()[0]
    with contextlib.suppress(OSError):
        os.chdir(created["cwd"])
    try:
        with reported(run, recorder.emit) as emit, watched(emit):
            job = Job(run.path, run.spec, emit, should_stop, resume)
            return {"status": do(job)}
    except LabError as error:
        traceback.print_exc()
        return {"status": "failed", **error.as_record()}
    except Exception as error:  # noqa: BLE001 - whatever it was, it becomes the record's last word
        traceback.print_exc()
        return _last_word(error, run)


def _last_word(error: Exception, run: Run) -> dict[str, str]:
    path = run.path
    said = next(iter(str(error).strip().splitlines()), "") or "no message"
    end = {"status": "failed", "error": "RunFailed"}
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        limit = machine.memory_limit() // machine.MIB
        return end | {
            "problem": f"There was not enough memory: {said:.200} (limit {limit} MiB)."
            + autopsy.resident(run),
            "hint": autopsy.what_would_fit(run),
        }
    if is_no_room(error):
        problem = f"The disk of {path} is full."
        return end | {"problem": problem, "hint": "Free some space, then start it again."}
    if isinstance(error, OSError) and error.filename:
        return end | {
            "problem": f"{error.filename} cannot be used: {(error.strerror or said).lower()}.",
            "hint": f"Mend that, then resume the run. The traceback is in {path / 'log.txt'}.",
        }
    return end | {
        "problem": f"The worker failed with {type(error).__name__}: {said:.300}",
        "hint": f"The traceback is in {path / 'log.txt'}.",
    }


@contextlib.contextmanager
def reported(run: Run, emit: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Give an `emit` that also writes the logs that the run's settings ask for."""
    if getattr(run.spec, "report_to", "none") == "none":
        yield emit
    else:
        with mirrored(emit, run.path) as both:
            yield both


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """Send all that this process and its children print to the file `path`."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    with path.open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
