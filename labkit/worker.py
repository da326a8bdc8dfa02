"""The child process: does one job in one run folder, and always leaves a last word.

Started by the supervisor, or by hand: `python -m labkit.worker RUN_FOLDER [--resume]`. A launcher
(`torchrun`, `accelerate launch`) starts several in this way; all but the first only train.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from . import machine
from .jobs import JOBS, attempt, beside
from .run import Run
from .training import processes


def work(path: Path, *, resume: bool = False) -> int:
    """Do the job in the folder `path` and return the exit status: 0 done or stopped, 1 failed."""
    if not processes.is_first():
        return beside(path, resume=resume)
    run = Run(path)
    end = attempt(JOBS[run.job], run, StopRequest(path), resume=resume)
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


def main() -> None:
    """Run as a command: `python -m labkit.worker RUN_FOLDER [--resume]`."""
    for name, value in machine.SPIN.items():
        os.environ.setdefault(name, value)  # before anything loads OpenMP
    sys.exit(work(Path(sys.argv[1]).resolve(), resume="--resume" in sys.argv[2:]))


if __name__ == "__main__":
    main()
