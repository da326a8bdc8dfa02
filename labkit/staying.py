"""A worker that stays after its job, with the models it has loaded, for more jobs of one asker.

The jobs lie beside each other, in folders called 1, 2, 3, …; each is a run like any other.
"""

import sys
import time
from pathlib import Path

from .files import locked
from .run import Run
from .worker import work

IDLE = 300.0
"""Seconds without a job after which the memory is given back."""


def work_on(path: Path, asker: int) -> int:
    """Do the job in `path`, then those put beside it; return the exit status of the last.

    Args:
        path: The first job's folder, or a later one's where an earlier worker is gone.
        asker: Process that asks; nobody works on for one that is gone.
    """
    with locked(path.parent):
        code, number = work(path), int(path.name)
        while is_next := wait(path.parent / str(number := number + 1), asker):
            code = work(is_next)
    return code


def wait(path: Path, asker: int, idle: float = IDLE) -> Path | None:
    """Return the folder of the next job once it is asked for; None when no job will come.

    Args:
        path: Where it will lie.
        asker: Process that asks.
        idle: Seconds to wait for it.
    """
    from psutil import pid_exists

    deadline = time.monotonic() + idle
    while path.parent.is_dir() and pid_exists(asker) and time.monotonic() < deadline:
        if (path / "spec.yaml").is_file() and Run(path).last("queued"):
            return path
        time.sleep(0.03)
    return None


if __name__ == "__main__":  # where a worker cannot be forked
    sys.exit(work_on(Path(sys.argv[1]).resolve(), int(sys.argv[2])))
