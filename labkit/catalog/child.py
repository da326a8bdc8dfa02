"""Child processes of the catalogue: watched by the size of what they write, never left behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from .. import machine

Progress = Callable[[str, int, int], None]
"""Called with the stage (`fetch` or `convert`), and bytes done and in total."""

_POLL_SECONDS = 0.2


def run_module(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    watch: Path,
    report: Callable[[int], None],
) -> tuple[int, str]:
    """Run `python -m ARGUMENTS` and return its exit status and what it wrote to stderr.

    Args:
        arguments: The module's name and its arguments.
        environment: Variables to set over those of this process.
        watch: Folder whose growth is the progress.
        report: Called with the bytes in `watch`.
    """
    # -P: a learner's random.py or queue.py in the working directory must not shadow a module
    command = [sys.executable, "-P", "-m", *arguments]
    env = {**machine.child_environment(), **environment}
    log = watch / ".stderr"
    with log.open("wb") as stderr:
        status = _run(command, env, stderr, lambda: report(folder_bytes(watch)))
    text = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    return status, text


def last_line(stderr: str) -> str:
    """Return what a process said last, without a full stop; empty where it said nothing."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1][:300].rstrip(".") if lines else ""


def unseen(stage: str, done: int, total: int) -> None:
    """Show no progress."""


def folder_bytes(folder: Path) -> int:
    """Return the bytes in all files under `folder`, some of which may be vanishing."""
    total = 0
    for directory, _, names in os.walk(folder):
        total += sum(_size(Path(directory) / name) for name in names)
    return total


def _run(
    command: list[str], env: dict[str, str], stderr: IO[bytes], tick: Callable[[], None]
) -> int:
    child = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
    )
    try:
        while True:
            try:
                return child.wait(timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                tick()
    finally:
        if child.poll() is None:  # the caller was interrupted
            child.kill()
            child.wait()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
