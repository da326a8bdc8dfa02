"""Writing a program needs PEFT and a tokenizer, so a process of its own does it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .. import errors, machine
from ..errors import RunError
from ..spec import FinetuneSpec


def ask(spec: FinetuneSpec, cwd: Path, name: str, precision: str | None = None) -> dict[str, str]:
    """Return a program's files by name: `train.py` and `rows.jsonl`.

    Args:
        spec: The settings of the run.
        cwd: Folder that relative paths in the settings start from.
        name: What the program calls the run.
        precision: What the run computed in; left out: what it would choose here.

    Raises:
        LabError: The rows or the model cannot be read, or no plain program does what is asked.
    """
    request = {"spec": spec.to_yaml(), "name": name, "precision": precision}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "labkit.program"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        cwd=cwd,
        env=machine.child_environment(),
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise RunError(
            f"The program could not be written: {said[0]}.", hint="Try a --dry-run of the settings."
        ) from None
    if "error" in answer:
        raise errors.from_record(answer, RunError)
    return dict(answer["files"])
