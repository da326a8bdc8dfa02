"""Whether this machine can do the labs, and what to do where it cannot."""

import os
import shutil
import sys
from pathlib import Path

from .. import catalog, machine
from ..report.blocks import Facts, Table
from ..run import runs_folder
from .shown import Shown

MIB = 2**20
NEED_MEMORY, NEED_DISK = 1600 * MIB, 3000 * MIB
"""What the process tree of a lab takes at most; the model, its exports and the runs of a course."""

NEEDED = ("torch", "transformers", "peft", "datasets", "onnxruntime", "ipywidgets", "matplotlib")
Row = tuple[str, str, str, str]
"""What is looked at, whether it will do, what was found, what to do."""


def doctor() -> Shown:
    """Return what was found, and the next step where something will not do."""
    rows = (_python(), _packages(), _memory(), _processors(), _disk(), _model(), _folder(), _net())
    wrong = [what for what, verdict, _, _ in rows if verdict.startswith("✗")]
    said = f"Mend first: {', '.join(wrong)}." if wrong else "This machine can do the labs."
    table = Table("What was looked at", ("what", "verdict", "found", "next step"), rows, False)
    return Shown([Facts("", (("result", said),)), table])


def _row(what: str, is_fine: bool, found: str, step: str) -> Row:
    return (what, "✓ fine" if is_fine else "✗ not yet", found, "" if is_fine else step)


def _python() -> Row:
    version = ".".join(map(str, sys.version_info[:3]))
    return _row("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")


def _packages() -> Row:
    found = machine.versions(*NEEDED)
    missing = [name for name in NEEDED if name not in found]
    said = ", ".join(f"{name} {version}" for name, version in found.items())
    step = f"pip install labkit[notebook]; {', '.join(missing)} missing."
    return _row("packages", not missing, said, step)


def _memory() -> Row:
    limit = machine.memory_limit()
    step = "Close other programs or take a larger machine: a lab takes up to 1.6 GB."
    return _row("memory", limit >= NEED_MEMORY, f"{limit / 2**30:.1f} GiB may be used", step)


def _processors() -> Row:
    n = machine.processors()
    found = f"{n} core{'s' * (n > 1)}" + (": runs take about twice the minutes" if n == 1 else "")
    return _row("processors", True, found, "")


def _disk() -> Row:
    free = shutil.disk_usage(_existing(catalog.cache_root())).free
    return _row("disk", free >= NEED_DISK, f"{free / 2**30:.1f} GiB free", "Make room: 3 GB.")


def _model() -> Row:
    folder = catalog.model_at_hand("smollm2-135m")
    found = "on this machine" if folder else "is fetched at the first run (270 MB)"
    return _row("model", True, f"smollm2-135m {found}", "")


def _folder() -> Row:
    place = _existing(runs_folder())
    step = "Set LABKIT_RUNS to a folder that can be written to."
    return _row("runs", os.access(place, os.W_OK), str(runs_folder()), step)


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    full = folder.resolve()
    return next(path for path in (full, *full.parents) if path.exists())


def _net() -> Row:
    off = [name for name in ("LABKIT_OFFLINE", "HF_HUB_OFFLINE") if machine.is_asked(name)]
    return _row("network", True, f"forbidden by {off[0]}" if off else "asked only when needed", "")
