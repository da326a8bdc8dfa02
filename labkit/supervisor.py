"""The process that starts workers: imports heavy packages once, then forks a child per job.

It reads one JSON object a line from its standard input: a request as `launch.start` writes it, or
{"needs_torch"} alone to get ready. When that closes (the kernel is gone) it waits for the workers
it has, and ends. It writes the last word of a worker that could not: killed by the memory limit, by
a signal, or crashed.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import cgroup, machine
from .errors import RunError
from .recorder import Recorder
from .report import autopsy
from .run import Run

IDLE_SECONDS = 900.0
"""With no job for this long the memory is given back; the next job starts a new supervisor."""


def serve() -> None:
    """Start workers as asked until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Supervisor(can_fork=sys.platform == "linux").run()


@dataclass(frozen=True)
class Charge:
    """A worker that was started, and what tells how it ended."""

    path: Path
    """Its run's folder."""

    ticket: int
    """Names the request: a run that is resumed has another."""

    kills: int
    """Memory kills counted before it."""


class Supervisor:
    """The children at work, and the loop that starts and buries them."""

    def __init__(self, can_fork: bool) -> None:
        self._can_fork = can_fork
        self._children: dict[int, Charge] = {}
        """By process id."""
        self._last_job = time.monotonic()

    def run(self) -> None:
        """Serve until the input closes or nothing happens for `IDLE_SECONDS`."""
        inbox = selectors.DefaultSelector()
        inbox.register(0, selectors.EVENT_READ)
        waiting, is_open = b"", True
        while is_open or self._children:
            if is_open and inbox.select(timeout=0.1):
                received = os.read(0, 65536)
                is_open = bool(received)
                *lines, waiting = (waiting + received).split(b"\n")
                for line in lines:
                    self.take(json.loads(line))
            elif not is_open:
                time.sleep(0.1)
            self.reap()
            if not self._children and time.monotonic() - self._last_job > IDLE_SECONDS:
                return

    def take(self, request: dict[str, Any]) -> None:
        """Import what a request needs, and start its worker where it names a run."""
        if self._can_fork and request["needs_torch"]:
            preload()
        if "path" in request:
            self.start(request)

    def start(self, request: dict[str, Any]) -> None:
        """Start a worker for a request."""
        path, self._last_job = Path(request["path"]), time.monotonic()
        start = self._fork if self._can_fork else _spawn
        kills = cgroup.memory_kills()
        self._children[start(path, request)] = Charge(path, request["ticket"], kills)

    def reap(self) -> None:
        """Bury the workers that have ended."""
        for child in tuple(self._children):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                self._last_job = time.monotonic()
                charge = self._children.pop(child)
                with contextlib.suppress(RunError, OSError):  # its asker may have cleared it away
                    write_last_word(charge.path, os.waitstatus_to_exitcode(status), charge)

    def _fork(self, path: Path, request: dict[str, Any]) -> int:
        child = os.fork()
        if child:
            return child
        code = 1
        try:  # in the child: nothing may escape into the loop above
            _become_worker(request)
            from .staying import work_on
            from .worker import work

            asker = request["asker"]
            code = work_on(path, asker) if asker else work(path, resume=request["resume"])
        except BaseException:  # noqa: BLE001 - the process ends here
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)


@cache
def preload() -> None:
    """Import, once, what most workers need; computes nothing, so that forks meet no thread."""
    from .training.slow_imports import import_peft

    import_peft()  # before the Trainer, which imports it too
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401 - what a report draws with
    import torch  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401

    from . import jobs  # noqa: F401

    gc.collect()
    gc.freeze()  # the collector leaves these objects alone, so children share their pages


def write_last_word(path: Path, code: int | None, charge: Charge | None = None) -> None:
    """Record the end of a worker that left no last word itself; its code where somebody saw it."""
    run = Run(path)
    queued, event = run.last("queued"), run.last("queued", "start", "end")
    is_over = charge is not None and queued is not None and queued["ticket"] != charge.ticket
    if is_over or (event and event["kind"] == "end"):
        return  # it had its say, or the run goes on with another worker
    step = run.last("step")
    where = f" at step {step['step']} of {step['max_steps']}" if step else ""
    is_memory = charge is not None and cgroup.memory_kills() > charge.kills
    problem, hint = _cause(code, run, is_memory)
    saved = run.last("checkpoint")
    kept = f" The checkpoint of step {saved['step']} is kept." if saved else ""
    held = autopsy.resident(run) if is_memory else ""
    Recorder(path).emit(
        "end",
        status="failed",
        error="RunFailed",
        problem=f"The worker {problem}{where}.{held}{kept}",
        hint=hint,
        exit=code,
    )


def _cause(code: int | None, run: Run, is_memory: bool) -> tuple[str, str]:
    if code == -signal.SIGKILL and is_memory:
        peak = max((event["bytes"] for event in run.of("resources")), default=0)
        limit = machine.memory_limit() // machine.MIB
        seen = f" (last seen at {peak // machine.MIB} MiB)" if peak else ""
        said = f"was killed by the memory limit of {limit} MiB{seen}"
        return said, autopsy.what_would_fit(run)
    kept = "to go on from its last checkpoint" if run.last("checkpoint") else "to begin again"
    if code is None:
        return "is gone, and nobody saw how it ended", f"Resume the run {kept}."
    if code < 0:
        return machine.ending(code), f"Resume the run {kept}."
    return machine.ending(code), f"The traceback is in {run.path / 'log.txt'}."


def _become_worker(request: dict[str, Any]) -> None:
    """Leave the supervisor's session and input; take the asker's environment."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    first_to_go = Path("/proc/self/oom_score_adj")
    if first_to_go.exists():  # when memory runs out the worker goes, not the notebook
        first_to_go.write_text("1000")


def _spawn(path: Path, request: dict[str, Any]) -> int:
    """Start a worker as a new process, where a fork is not safe."""
    asker = request["asker"]
    module, *more = ("staying", str(asker)) if asker else ("worker",)
    command = [sys.executable, "-m", f"labkit.{module}", str(path), *more]
    process = subprocess.Popen(
        command + ["--resume"] * request["resume"],
        stdin=subprocess.DEVNULL,
        env=request["environment"],
        start_new_session=True,
    )
    process.returncode = 0  # `reap` waits for it, not the subprocess module
    return process.pid


if __name__ == "__main__":
    serve()
