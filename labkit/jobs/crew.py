"""The other processes of a run that trains in several: started, waited for, missed when one dies.

Each is a `labkit.worker` on the same folder; it reads what this one decides, trains beside it, and
ends. Where a launcher (`torchrun`, `accelerate launch`) has started all of them, it looks after
them itself, and nothing is started here.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .. import machine
from ..errors import LabError, RunFailed
from ..training import processes
from .job import Job

PERIOD = 0.5
"""Seconds between two looks at the others."""

GRACE = 10.0
"""Seconds in which a training notices by itself that one is gone; after that it is ended."""

ADDRESS = "127.0.0.1"


@contextlib.contextmanager
def crew(job: Job, size: int) -> Iterator[None]:
    """Have the other processes of a run inside; each ends with the block.

    Args:
        job: The run, as its first process has it.
        size: Processes, this one included.

    Raises:
        RunFailed: One of them died.
    """
    if size == 1 or processes.size() > 1:
        with _joined():
            yield
        return
    with _surroundings(size), Crew(job, _started(job, size)) as others:
        try:
            with _joined():
                yield
        except LabError:
            raise
        except Exception as error:
            if lost := others.lost():
                raise lost from error
            raise


@contextlib.contextmanager
def _joined() -> Iterator[None]:
    """Train together inside."""
    processes.meet()
    try:
        yield
    finally:
        processes.leave()


@dataclass
class Crew:
    """The others, and the thread that looks whether they live."""

    job: Job
    children: "list[subprocess.Popen[bytes]]"
    _over: threading.Event = field(default_factory=threading.Event)
    _speaking: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Crew":
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._speaking:
            self._over.set()
        deadline = time.monotonic() + (GRACE if kind is None else 0)
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            child.kill()
            child.wait()

    def lost(self) -> RunFailed | None:
        """Return that one of the others died, if one does in a moment; None where all live."""
        deadline = time.monotonic() + 4 * PERIOD
        while time.monotonic() < deadline and not self._dead():
            time.sleep(PERIOD / 10)
        return self._loss() if self._dead() else None

    def _dead(self) -> "list[tuple[int, int]]":
        """Return the rank and the exit status of each that died."""
        codes = [(rank, child.poll()) for rank, child in enumerate(self.children, 1)]
        return [(rank, code) for rank, code in codes if code]

    def _loss(self) -> RunFailed:
        (rank, code), *_ = self._dead()
        return RunFailed(
            f"Process {rank} of the run (counted from 0, of {len(self.children) + 1}) "
            f"{machine.ending(code)}.",
            hint=f"Resume the run; what it printed is in {self.job.path / 'log.txt'}.",
        )

    def _watch(self) -> None:
        """End this process when another one died and the training does not notice."""
        while not self._over.wait(PERIOD):
            if self._dead():
                break
        if self._over.wait(GRACE):
            return
        with self._speaking:  # the training hangs where no error can reach it
            if not self._over.is_set():
                self.job.emit("end", status="failed", **self._loss().as_record())
                for child in self.children:
                    child.kill()
                os._exit(1)


@contextlib.contextmanager
def _surroundings(size: int) -> Iterator[None]:
    """Be the first of `size` processes on this machine, inside."""
    import torch

    each = max(1, machine.processors() // size)
    values = {
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "RANK": "0",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": ADDRESS,
        "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": str(each),
    }
    before, threads = dict(os.environ), torch.get_num_threads()
    os.environ.update(values)
    torch.set_num_threads(each)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name in values:
            os.environ.pop(name)
            if name in before:
                os.environ[name] = before[name]


def _started(job: Job, size: int) -> "list[subprocess.Popen[bytes]]":
    """Start the other processes of a run, of which this one's environment tells."""
    resume = ["--resume"] * job.resume
    command = [sys.executable, "-m", "labkit.worker", str(job.path), *resume]
    known = machine.child_environment()
    return [
        subprocess.Popen(command, env={**known, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(1, size)
    ]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((ADDRESS, 0))
        port: int = one.getsockname()[1]
        return port


def beside(path: Path, *, resume: bool) -> int:
    """Do the part of a process that is not the first; return its exit status."""
    from ..run import Run
    from .finetune import train_beside

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the first process says when to stop
    run = Run(path)
    with contextlib.suppress(OSError):
        os.chdir(run.events()[0]["cwd"])
    job = Job(path, run.spec, _silent, lambda: False, resume)
    with _joined():
        train_beside(job)
    return 0


def _silent(kind: str, **values: object) -> None:
    """Record nothing: the first process does."""
