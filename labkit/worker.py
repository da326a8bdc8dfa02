"""The child process: does one job in one run folder, and always leaves a last word.

Started by the supervisor, or by hand: `python -m labkit.worker RUN_FOLDER [--resume]`.
"""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from . import machine
from .errors import LabError
from .files import is_no_room, locked
from .jobs import JOBS, Job
from .recorder import Recorder
from .report import autopsy
from .resources import watched
from .run import Run
from .training.tensorboard import mirrored


def work(path: Path, *, resume: bool = False) -> int:
    """Do the job in the folder `path` and return the exit status: 0 done or stopped, 1 failed."""
    with locked(path):
        recorder = Recorder(path)
        stop = StopRequest(path)
        with logged(path / "log.txt"):
            recorder.emit("start", pid=os.getpid(), resumed=resume)
            end = _attempt(Run(path), recorder, stop, resume)
            recorder.emit("end", **end)
    return 1 if end["status"] == "failed" else 0


class StopRequest:
    """Whether the run was asked to stop: by SIGTERM, SIGINT or a file called stop."""

    def __init__(self, path: Path) -> None:
        self._file = path / "stop"
        self._asked = False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ask)
            signal.signal(signal.SIGINT, self._ask)

    def __call__(self) -> bool:
        """Return whether to stop now."""
        return self._asked or self._file.exists()

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True


def _attempt(run: Run, recorder: Recorder, stop: StopRequest, resume: bool) -> dict[str, str]:
    """Do the job; return how it ended, in words whatever happened."""
    created = run.events()[0]
    with contextlib.suppress(OSError):
        os.chdir(created["cwd"])
    try:
        with reported(run, recorder.emit) as emit, watched(emit):
            job = Job(run.path, run.spec, emit, stop, resume)
            return {"status": JOBS[run.job](job)}
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


@contextlib.contextmanager
def reported(run: Run, emit: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Give an `emit` that also writes the logs that the run's settings ask for."""
    if getattr(run.spec, "report_to", "none") == "none":
        yield emit
    else:
        with mirrored(emit, run.path) as both:
            yield both


def main() -> None:
    """Run as a command: `python -m labkit.worker RUN_FOLDER [--resume]`."""
    for name, value in machine.SPIN.items():
        os.environ.setdefault(name, value)  # before anything loads OpenMP
    sys.exit(work(Path(sys.argv[1]).resolve(), resume="--resume" in sys.argv[2:]))


if __name__ == "__main__":
    main()
