"""A run is a folder: its spec, what was measured so far, how it ended. Everybody may read it.

The worker alone writes events; a stop file is the one thing others write into a running folder.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from .errors import RunError, near
from .files import is_locked, read_json, write_text, writing
from .recorder import Record, Recorder
from .spec import SPECS, AnySpec, GenerateSpec
from .spec.optimize import PRECISIONS

Status = Literal["waiting", "running", "stopping", "done", "stopped", "failed"]

FINISHED = ("done", "stopped", "failed")
"""What a run's status is once it has ended."""

TUNED = ("finetune", "combine", "adopt")
"""Jobs that leave a tuned model."""

PARTS = ("trials", "joined")
"""Folders inside a search; it shows the runs in them itself."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def runs_folder() -> Path:
    """Return where runs live: `$LABKIT_RUNS`, or `runs` in the current folder."""
    return Path(os.environ.get("LABKIT_RUNS", "runs"))


class Run(Record):
    """The record of one run, read from its folder; it changes as the worker writes.

    Args:
        name: Name in the runs folder, or the path of a run's folder.

    Raises:
        RunError: There is no such run.
    """

    def __init__(self, name: str | Path) -> None:
        super().__init__(_find(str(name)))

    @property
    def name(self) -> str:
        """Name in the runs folder, or the folder's path where it lies elsewhere."""
        root = runs_folder().resolve()
        return str(self.path.relative_to(root) if self.path.is_relative_to(root) else self.path)

    @property
    def created(self) -> float:
        """When the run was made, in seconds since 1970."""
        return float(self.events()[0]["time"]) if self.events() else 0.0

    @property
    def job(self) -> str:
        """What the run does: a name in `SPECS`, such as `finetune`."""
        return str(self.events()[0].get("job", "finetune")) if self.events() else "finetune"

    @property
    def spec(self) -> AnySpec:
        """The settings of the run."""
        return _spec(self.job, (self.path / "spec.yaml").read_text(encoding="utf-8"))

    @property
    def status(self) -> Status:
        """Where the run stands; a worker that is gone without a last word has failed."""
        event = self.last("created", "queued", "start", "end")
        if event and event["kind"] == "end":
            return event["status"]  # type: ignore[no-any-return]
        if is_locked(self.path):
            return "stopping" if (self.path / "stop").exists() else "running"
        return "failed" if event and event["kind"] == "start" else "waiting"

    @property
    def is_alive(self) -> bool:
        """Whether a worker is at work in the folder."""
        return is_locked(self.path)

    @property
    def metrics(self) -> dict[str, Any]:
        """Results, as in metrics.json; empty before the run has any."""
        return read_json(self.path / "metrics.json")

    @property
    def adapter(self) -> Path:
        """Folder of the trained adapter, in PEFT's format."""
        return self.path / "adapter"

    @property
    def learned(self) -> Path:
        """Folder of what the run learned: the adapter, or the model of a full fine-tuning."""
        whole = self.path / "model"
        return whole if whole.is_dir() else self.adapter

    @property
    def best(self) -> "Run":
        """The best trial of a search.

        Raises:
            RunError: The run is no search, or it has none yet.
        """
        if self.job == "sweep" and "best" in self.metrics:
            return Run(self.path / self.metrics["best"])
        raise RunError(
            f"The run {self.name!r} has no best trial; it is a {self.job}, {self.status}.",
            hint="Name a run of %%sweep that is done.",
        )

    @property
    def log(self) -> str:
        """All that the worker printed, tracebacks included."""
        file = self.path / "log.txt"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self) -> None:
        """Ask the worker to finish its step, save a checkpoint and end."""
        (self.path / "stop").touch()

    def __repr__(self) -> str:
        step = self.last("step")
        at = f", step {step['step']}/{step['max_steps']}" if step else ""
        return f"<Run {self.name}: {self.status}{at}>"


def is_answered_by_export(spec: GenerateSpec) -> bool:
    """Whether an ONNX export is to answer, not PyTorch."""
    if spec.adapter is not None or spec.source in PRECISIONS:
        return True
    return (Path(spec.run) / "spec.yaml").is_file() and Run(spec.run).job == "optimize"


def as_run(run: str | Run) -> Run:
    """Return a run that was named or handed over.

    Raises:
        RunError: There is no such run.
    """
    return run if isinstance(run, Run) else Run(run)


def run_called(name: str) -> Run | None:
    """Return the run of this name in the runs folder, or None for a name of something else."""
    return Run(name) if (runs_folder() / name / "spec.yaml").is_file() else None


def all_runs() -> list[Run]:
    """Return the runs of the runs folder, exports included, oldest first."""
    return sorted(map(Run, run_folders()), key=lambda run: run.created)


def run_folders() -> list[Path]:
    """Return the folders of all runs but a search's trials, exports included, in no order."""
    files = runs_folder().glob("**/events.jsonl")
    return [
        file.parent
        for file in files
        if (file.parent / "spec.yaml").is_file() and file.parent.parent.name not in PARTS
    ]


def create(name: str, job: str, spec: AnySpec, *, root: Path | None = None) -> Run:
    """Make the folder of a new run; an existing one is never touched.

    Raises:
        RunError: The name is taken or not usable, or the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        raise RunError(
            f"A run's name must be letters, digits, '.', '_' and '-'; got {name!r}.",
            hint="For example: tone-r16.",
        )
    path = (root or runs_folder()) / name
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            raise RunError(
                f"There is already a run named {name!r}; nothing was overwritten.",
                hint=f"Choose another name, resume it, or delete the folder {path}.",
            ) from None
        write_text(path / "spec.yaml", spec.to_yaml())
        Recorder(path).emit("created", job=job, cwd=str(Path.cwd()))
    return Run(path)


def free_name(stem: str, root: Path | None = None) -> str:
    """Return the first of `stem-1`, `stem-2`, … that no run in the folder has."""
    number = 1
    while ((root or runs_folder()) / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def _find(name: str) -> Path:
    for path in (runs_folder() / name, Path(name)):
        if (path / "spec.yaml").is_file():
            return path.resolve()
    folder = runs_folder()
    known = sorted(file.parent.name for file in folder.glob("*/spec.yaml"))
    listed = f"Runs here: {', '.join(known)}." if known else "There are no runs here yet."
    raise RunError(f"There is no run {name!r} in {folder}.", hint=near(name, known, listed))


@lru_cache(maxsize=64)  # a report asks for the settings dozens of times
def _spec(job: str, text: str) -> AnySpec:
    return SPECS[job].from_yaml(text)
