"""The cache folder: filled whole or not at all, by one process at a time, checked on each use."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CatalogError
from ..files import NO_ROOM, sha256_of

MANIFEST = "labkit-manifest.json"
LAYOUT = 1  # raised when a conversion changes, so that older folders are made anew

_NO_ENTRY = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def cache_root() -> Path:
    """Return the cache folder: `$LABKIT_CACHE`, or `~/.cache/labkit`."""
    chosen = os.environ.get("LABKIT_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "labkit"


def wheels_folder() -> Path:
    """Return the folder in which wheels that were carried over by hand are looked for."""
    return cache_root() / "wheels"


def model_folder(name: str, folder: str) -> Path:
    """Return where the model `name` lies once it is ready."""
    return cache_root() / "models" / name / folder


def data_folder(name: str, folder: str) -> Path:
    """Return where the rows of the data set `name` lie once they are made."""
    return cache_root() / "data" / name / folder


def is_complete(folder: Path) -> bool:
    """Tell by manifest and sizes, without reading the weights, whether nothing is missing."""
    files = _manifest_files(folder)
    return bool(files) and all(_size(folder / n) == f["size"] for n, f in files.items())


def verify(folder: Path) -> None:
    """Read every file and refuse the folder if one has changed since it was cached."""
    for name, pinned in _manifest_files(folder).items():
        if sha256_of(folder / name) != pinned["sha256"]:
            raise CatalogError(
                f"{name} in {folder} has changed since it was cached.",
                hint="Delete that folder; it is fetched and checked again at the next use.",
            )


@contextmanager
def locked(name: str, kind: str = "models") -> Iterator[None]:
    """Hold the lock of a model (or `data`); a second process waits for the first one's result."""
    import fcntl

    with writing(), _lock_file(name, kind).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Give a folder to fill; it takes its name only when the block ends without an error.

    What a killed process left is removed first. Needs the lock.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        _write_manifest(partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def writing() -> Iterator[None]:
    """Turn a full disk and a folder that cannot be written into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise no_room() from error
        if error.errno not in _NO_ENTRY:
            raise
        raise CatalogError(
            f"The cache folder {cache_root()} cannot be written: {error.strerror}.",
            hint="Set the environment variable LABKIT_CACHE to a folder of yours.",
        ) from error


def no_room(need: int | None = None) -> CatalogError:
    """Return the error for a disk that is full, or has fewer than `need` bytes left."""
    wanted = f"; {need / 1e6:,.0f} MB are needed" if need else ""
    return CatalogError(
        f"The disk with the cache folder {cache_root()} is full{wanted}.",
        hint="Free some space, or set LABKIT_CACHE to a folder on another disk.",
    )


def check_room(need: int) -> None:
    """Refuse before anything is fetched when the disk has fewer than `need` bytes left."""
    with writing():
        cache_root().mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache_root()).free
    if free < need:
        raise no_room(need)


def _lock_file(name: str, kind: str) -> Path:
    folder = cache_root() / kind / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / ".lock"


def _manifest_files(folder: Path) -> dict[str, dict[str, int | str]]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return dict(manifest["files"]) if manifest["layout"] == LAYOUT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_manifest(folder: Path) -> None:
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    for path in paths:
        path.chmod(0o644)  # weights are saved for their owner only, a cache may be shared
    files = {p.name: {"size": p.stat().st_size, "sha256": sha256_of(p)} for p in paths}
    text = json.dumps({"layout": LAYOUT, "files": files}, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
