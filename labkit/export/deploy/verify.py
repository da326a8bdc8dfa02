"""Check on the machine where it shall run that a folder is whole and answers as it did."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ... import machine
from ...errors import ExportError, LabError
from ...runtime.folder import graph_bytes, section
from ..child import call
from . import probe
from .checksums import FILE as SUMS
from .checksums import Differences, differences

SIGNS = {True: "✓", False: "✗", None: "–"}
"""Signs of what is as it must be, what is not, and what could not be looked at."""

MEND = "Copy the whole folder again, or optimise its run again."
"""What helps where files are not those that were written."""

MIB = 2**20


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool | None
    """None where it could not be looked at, which is no fault of the folder."""

    said: str
    """What was found."""

    def __str__(self) -> str:
        return f"{SIGNS[self.passed]} {self.name}: {self.said}"


@dataclass(frozen=True)
class Verification:
    """What was found in a folder."""

    folder: Path
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing that was looked at is wrong."""
        return not self.faults

    @property
    def faults(self) -> tuple[Check, ...]:
        """What is wrong."""
        return tuple(check for check in self.checks if check.passed is False)

    def __repr__(self) -> str:
        n = len(self.faults)
        said = "can be used here" if self.ok else f"cannot be relied on here, {n} checks failed"
        said = said.replace("1 checks", "1 check")
        hint = [MEND] if any(check.name == "files" for check in self.faults) else []
        return "\n".join([f"{self.folder} {said}.", *(f"  {one}" for one in (*self.checks, *hint))])


def verify(folder: Path) -> Verification:
    """Check an exported folder on this machine: files, answers, runtimes, room.

    Args:
        folder: What `finish` wrote, here or elsewhere.

    Raises:
        ExportError: There is no such folder.
    """
    if not folder.is_dir():
        hint = "Name the folder that holds model.onnx, as runs/tone/onnx/int8."
        raise ExportError(f"There is no folder {folder}.", hint)
    found = _differences(folder)
    checks = [_files(found), *(_answers(folder) if _is_whole(found) else [_not_opened()])]
    return Verification(folder, (*checks, _memory(folder), _disk(folder)))


def _differences(folder: Path) -> Differences | None:
    return differences(folder) if (folder / SUMS).is_file() else None


def _files(found: Differences | None) -> Check:
    if found is None:
        return Check("files", False, f"there is no {SUMS}, so nobody knows what they should be")
    return Check("files", not found.touched, found.sentence)


def _is_whole(found: Differences | None) -> bool:
    """Whether nothing that would be opened was touched; a changed graph may do anything."""
    read = (".onnx", ".data", ".json", ".jinja", ".onnx_adapter")
    return found is not None and not any(name.endswith(read) for name in found.touched)


def _not_opened() -> Check:
    return Check("answers", None, "not opened, for its files are not those that were written")


def _answers(folder: Path) -> Iterator[Check]:
    """Yield what the runtimes say; each is asked in a process of its own."""
    target = _said("provider", partial(_ask, "provider_here", folder))
    yield target
    if target.passed:
        yield _said("answers", partial(_replayed, folder))
    if (folder / "genai_config.json").is_file():
        yield _said("onnxruntime-genai", partial(_ask, "genai_opens", folder))


def _said(name: str, look: Any) -> Check:  # noqa: ANN401 - a function without arguments
    """Return a check from what a look returns, `(passed, said)`, or from what it raises."""
    try:
        passed, said = look()
    except LabError as error:
        return Check(name, False, f"{error.problem} {error.hint}")
    return Check(name, passed, said)


def _replayed(folder: Path) -> tuple[bool, str]:
    kept = section(folder, probe.SECTION)
    if not kept:
        return False, "none are recorded, so they cannot be compared; optimise the run again"
    fault = probe.fault(kept, _child("probe", "replay", folder))
    n, m = len(kept["logits"]), len(kept["tokens"])
    return not fault, fault or f"{n} logits and {m} new tokens are those recorded"


def _ask(function: str, folder: Path) -> tuple[bool | None, str]:
    passed, said = _child("machine", function, folder)
    return passed, said


def _child(module: str, function: str, folder: Path) -> Any:  # noqa: ANN401 - JSON
    with TemporaryDirectory() as place:
        log = Path(place) / "log.txt"
        return call(f"deploy.{module}", function, log=log, folder=str(folder.resolve()))[0]


def _memory(folder: Path) -> Check:
    """Return whether the model fits into the memory that is free; its weights do at least."""
    import psutil

    needed = graph_bytes(folder)
    free = min(psutil.virtual_memory().available, machine.memory_limit())
    said = f"{free // MIB} MiB are free, the weights take {needed // MIB} MiB"
    return Check("memory", free > needed, said)


def _disk(folder: Path) -> Check:
    """Return whether there is room; other targets than the processor keep a compiled copy."""
    free = shutil.disk_usage(folder).free
    target = section(folder, "session").get("target", "cpu")
    needed = 0 if target == "cpu" else graph_bytes(folder)
    more = f"{needed // MIB} MiB more are wanted" if needed else "no more is wanted"
    said = f"{free // MIB} MiB are free, {more}"
    return Check("disk", free >= needed, said)
