"""Writing so that a kill, a full disk or a second writer never leaves a half-written record."""

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import RunError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_ROOM_WORDS = ("No space left", "enough free space", "requested and")
"""How safetensors and numpy (`7 requested and 3 written`) say it, without a number."""


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: to a temporary name, flushed, then renamed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_json(path: Path, values: Any) -> None:  # noqa: ANN401 - JSON values
    """Write `values` as JSON, whole or not at all."""
    write_text(path, json.dumps(plain(values), ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the values by name that a JSON file holds; none where there is no file."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into a sentence."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"The folder {path} cannot be written: {(error.strerror or str(error)).lower()}.",
            hint="Free some space or set LABKIT_RUNS to a folder that you may write to.",
        ) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_no_room(error: BaseException) -> bool:
    """Whether an error says that a disk is full, or one's share of it."""
    said = str(error)
    return getattr(error, "errno", None) in NO_ROOM or any(part in said for part in NO_ROOM_WORDS)


@contextmanager
def locked(path: Path, *, patience: float = 2.0) -> Iterator[None]:
    """Hold the folder's lock, so that only one worker writes in it.

    Raises:
        RunError: Another worker holds it.
    """
    with (path / ".lock").open("a") as stream:
        deadline = time.monotonic() + patience
        while not _try_lock(stream.fileno(), fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise RunError(
                    f"Another worker is at work in {path}.",
                    hint="Wait for it, attach to it with %runs, or stop it.",
                )
            time.sleep(0.05)
        yield


def is_locked(path: Path) -> bool:
    """Tell whether a worker holds the folder's lock; the lock ends with its process."""
    file = path / ".lock"
    if not file.exists():
        return False
    with file.open("r") as stream:  # shared, so that two who ask do not take each other for it
        return not _try_lock(stream.fileno(), fcntl.LOCK_SH)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """Return `value` with paths as text and numbers that are not finite as words."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):  # a number of numpy or torch
        return plain(value.item())
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return str(value) if isinstance(value, Path) else value
