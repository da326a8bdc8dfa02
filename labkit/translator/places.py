"""Folders that Olive would write, and the runs here that wrote them."""

import os
import shutil
from pathlib import Path

from ..errors import RunError
from ..files import read_json, write_json
from ..run import Run, all_runs, run_called
from ..spec import OptimizeSpec

FILE = "olive.json"
"""File in a run's folder: what was pasted, and the folder that Olive would write."""


def remember(run: Run, said: str, output: str | None) -> None:
    """Keep with a run what it was translated from."""
    folder = str(Path(output).resolve()) if output else None
    write_json(run.path / FILE, {"said": said, "output_path": folder})


def find_run(path: str) -> str | None:
    """Return the newest run that left what a path names, by the path or by its own name."""
    asked = Path(path)
    if asked.name == path and run_called(path):
        return path
    full = asked.resolve()
    for run in reversed(all_runs()):
        output = _output(run)
        for folder in filter(None, (output, run.path)):
            if full in (folder, folder / "adapter", folder / "model"):
                return run.spec.run if isinstance(run.spec, OptimizeSpec) else tuned_by(run).name
    return None


def tuned_by(run: Run) -> Run:
    """Return the run that holds the tuned model: a search's is its best trial."""
    return run.best if run.job == "sweep" else run


def require_run(path: str) -> str:
    """Return the run that left what a path names.

    Raises:
        RunError: There is none.
    """
    found = find_run(path)
    if found is None:
        raise RunError(
            f"No run here left {path!r}.",
            hint=f"Train it first: olive finetune … --output_path {path}; %runs lists the runs. Or "
            f"name the folder of a model or an adapter.",
        )
    return found


def deliver(run: Run, output: str | None) -> Path | None:
    """Put what a run left where Olive would have put it; return that folder.

    A fine-tuning's goes to `adapter` or `model`, an export to `model`; files are linked where the
    disk can do it.
    """
    if output is None:
        return None
    folder = Path(output)
    if run.job == "optimize":
        source, target = _chosen(run), folder / "model"
    else:
        source = tuned_by(run).learned
        target = folder / source.name
    if source is None or not source.is_dir():
        return None
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_linked)
    return target


def _chosen(run: Run) -> Path | None:
    name = run.metrics.get("chosen")
    return run.path / str(name) if name else None


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _output(run: Run) -> Path | None:
    folder = read_json(run.path / FILE).get("output_path")
    return Path(folder) if folder else None
