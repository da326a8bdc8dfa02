"""Start a run's worker, wait for it, stop it: the side of the notebook and the command line."""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from . import errors, kernel, machine
from .errors import LabError, RunFailed, RunStopped
from .files import is_locked
from .recorder import Recorder
from .run import FINISHED, Run

PATIENCE = 120.0
"""Seconds a worker may take from being asked for to its first word (imports, a busy disk)."""


class View(Protocol):
    """Whoever draws a run while it is waited for."""

    def update(self, run: Run) -> None:
        """Draw the run as it is now."""

    def close(self, run: Run) -> None:
        """Draw the run for the last time."""


def warm_up() -> None:
    """Start the supervisor and its imports, so that the first run need not wait for them."""
    _send({"needs_torch": True})


def start(
    run: Run, *, resume: bool = False, needs_torch: bool = True, asker: int | None = None
) -> None:
    """Hand a run to a worker and return at once.

    Args:
        run: A run that was created, or one to resume.
        resume: Whether to go on from the last checkpoint.
        needs_torch: False for a job that does without; it does not wait for that import.
        asker: Id of a process: the worker stays for more runs beside this one while it lives.

    Raises:
        RunError: A worker is already at work in the run's folder.
    """
    if is_locked(run.path):
        raise errors.RunError(
            f"The run {run.name!r} has a worker already.",
            hint=f"Look at it with %runs {run.name}, or stop it first.",
        )
    (run.path / "stop").unlink(missing_ok=True)
    request = {
        "path": str(run.path),
        "resume": resume,
        "environment": machine.child_environment(),
        "ticket": queue(run),
        "needs_torch": needs_torch,
        "asker": asker,
    }
    _send(request)


def queue(run: Run) -> int:
    """Record that a run waits for a worker, and return the ticket that names the request."""
    ticket = time.time_ns()
    Recorder(run.path).emit("queued", ticket=ticket)
    return ticket


def wait(run: Run, view: View) -> Run:
    """Follow a run to its end; ■ (or Ctrl-C) asks it to stop, a second one leaves it alone.

    Raises:
        RunStopped: It was stopped; its checkpoint is whole.
        LabError: It failed; the sentence of the worker.
    """
    asked, began = False, time.monotonic()
    while True:
        try:
            _draw(view, run)
            if run.status in FINISHED and _has_last_word(run):
                break
            if run.status == "waiting":
                _check_supervisor(run, time.monotonic() - began)
            time.sleep(0.15)
        except KeyboardInterrupt:
            if asked:
                raise RunStopped(
                    f"The run {run.name!r} is still finishing its step in the background.",
                    hint=f"%runs {run.name} shows it.",
                ) from None
            if kernel.is_ending():
                raise  # a restart, not ■: the worker goes on
            asked = True
            run.stop()
    view.close(run)
    return raise_if_unfinished(run)


def raise_if_unfinished(run: Run) -> Run:
    """Return a run that is done; raise what became of any other."""
    end = run.last("end") or {}
    if end.get("status") == "stopped":
        raise _stopped(run)
    if end.get("status") == "failed":
        raise errors.from_record(end, RunFailed)
    return run


def _stopped(run: Run) -> RunStopped:
    if run.job == "sweep":
        hint = f"%sweep {run.name} --resume goes on from there."
        return RunStopped(f"The search {run.name!r} was stopped; no trial is lost.", hint=hint)
    if run.job == "adapters":
        problem = f"The run {run.name!r} was stopped; adapters that are done stay."
        return RunStopped(problem, hint=f"%finetune {run.name} --resume goes on with the rest.")
    if run.job != "finetune":
        return RunStopped(f"The run {run.name!r} was stopped.", hint="Start it again as before.")
    step = run.last("step")
    where = f" at step {step['step']} of {step['max_steps']}" if step else ""
    return RunStopped(
        f"The run {run.name!r} was stopped{where}; its checkpoint is whole.",
        hint=f"%finetune --resume {run.name} goes on from there.",
    )


def _has_last_word(run: Run) -> bool:
    """Wait a moment for the supervisor's obituary; write one if it is gone too."""
    deadline = time.monotonic() + 3
    while (event := run.last("queued", "start", "end")) and event["kind"] == "start":
        if time.monotonic() > deadline:
            from .supervisor import write_last_word

            write_last_word(run.path, None)
        time.sleep(0.05)
    return True


def _check_supervisor(run: Run, waited: float) -> None:
    """Raise if nobody will start the run any more."""
    is_gone = _process is not None and _process.poll() is not None
    if is_gone or waited > PATIENCE:
        said = _log_file().read_text(errors="replace").strip().splitlines()[-1:]
        raise RunFailed(
            f"No worker came for the run {run.name!r} within {waited:.0f} s: {''.join(said)}",
            hint=f"See {_log_file()}; then resume the run.",
        )


def _draw(view: View, run: Run) -> None:
    try:
        view.update(run)
    except LabError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken view must not end a run
        import warnings

        warnings.warn(f"The view of {run.name} stopped drawing: {error!r}", stacklevel=2)
        view.update = lambda run: None  # type: ignore[method-assign]


_process: "subprocess.Popen[bytes] | None" = None


def _supervisor() -> "subprocess.Popen[bytes]":
    """Return the supervisor of this process, started now if there is none."""
    global _process
    if _process is None or _process.poll() is not None:
        with _log_file().open("ab") as log:
            _process = subprocess.Popen(
                [sys.executable, "-m", "labkit.supervisor"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=machine.child_environment(),
                start_new_session=True,  # ■ and a kernel's restart reach this process, not workers
            )
        atexit.register(_close, _process)
    return _process


def _send(request: dict[str, Any]) -> None:
    """Hand a request to the supervisor; to a new one where the old one went idle just now."""
    line = json.dumps(request).encode() + b"\n"
    process = _supervisor()
    try:
        _write(process, line)
    except BrokenPipeError:
        process.wait()
        _write(_supervisor(), line)


def _write(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def _log_file() -> Path:
    return Path(tempfile.gettempdir()) / f"labkit-supervisor-{os.getpid()}.log"


def _close(process: "subprocess.Popen[bytes]") -> None:
    """Let the supervisor end once its workers have; it may outlive this process."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.returncode = 0  # not ours to wait for any more
    _log_file().unlink(missing_ok=True)
