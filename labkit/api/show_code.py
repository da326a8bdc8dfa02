"""A run as a plain program, written into a folder and shown."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import program, report
from ..errors import RunError
from ..files import write_text, writing
from ..run import Run, as_run
from ..spec import FinetuneSpec
from .staging import checked_spec, staged

FOLDER = "code"
"""Folder of a run's program, in the run's own."""


@dataclass(frozen=True)
class ShownCode:
    """A program that does what a run does, without labkit."""

    path: Path
    """Folder of `train.py` and of the rows it reads."""

    text: str
    """The program."""

    def __repr__(self) -> str:
        return self.text.rstrip("\n")

    def _repr_markdown_(self) -> str:
        where = f"`{self.path / 'train.py'}`, which reads `rows.jsonl` beside it:"
        return f"{where}\n\n{report.fenced(self.text, 'python')}"


def show_code(
    run: str | Run | None = None,
    *,
    folder: str | Path | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> ShownCode:
    """Write the plain PyTorch, Transformers and PEFT program of a run, and show it.

    Args:
        run: A fine-tuning; left out, `settings` say what the program does.
        folder: Where the files go; left out: `code` in the run's folder, or here.
        settings: Fields of `FinetuneSpec`, without a run.

    Raises:
        SpecError: No plain program is written for a setting.
        RunError: The folder has another program, which is not overwritten.
    """
    if run is not None:
        return _of_run(as_run(run), folder, settings)
    with staged(settings) as ready:
        spec = checked_spec(None, ready)
        files = program.ask(spec, Path.cwd(), "run")
    return _written(files, Path(folder or FOLDER))


def _of_run(run: Run, folder: str | Path | None, settings: dict[str, Any]) -> ShownCode:
    if settings:
        raise RunError(
            f"The program of a run has the run's settings; got {', '.join(settings)}.",
            hint="Leave them out, or leave out the run.",
        )
    spec = run.spec
    if not isinstance(spec, FinetuneSpec):
        raise RunError(
            f"There is a plain program of a fine-tuning; {run.name!r} is the job {run.job}.",
            hint="%runs lists the runs.",
        )
    how = run.path / "how.json"
    precision = json.loads(how.read_text(encoding="utf-8"))["precision"] if how.exists() else None
    files = program.ask(spec, Path(run.events()[0]["cwd"]), run.name, precision)
    return _written(files, Path(folder or run.path / FOLDER))


def _written(files: dict[str, str], folder: Path) -> ShownCode:
    """Write the files; a program that somebody has changed is left as it is."""
    for name, text in files.items():
        file = folder / name
        if file.exists() and file.read_text(encoding="utf-8") != text:
            raise RunError(
                f"There is another {name} in {folder}; nothing was overwritten.",
                hint="Rename that folder, or give another one with folder=.",
            )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(folder / name, text)
    return ShownCode(folder, files["train.py"])
