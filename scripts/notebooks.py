"""Prove the solutions with nbval: `python scripts/notebooks.py [05 …]`; a changed number fails.

`--minutes 12` takes as many as were built in that time, beginning at a place that the commit draws:
each commit proves some, a few commits all of them, and one commit always the same.

Each notebook runs in a folder of its own. Where LABKIT_REUSE names a folder, a run that is
the same in several notebooks is made once; without it every run is made anew.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "labkit" / "course" / "measured.json"
LONGEST = "1800"
"""Seconds of a cell."""

COMMAND = (
    "-m", "pytest", "-q", "-W", "ignore", "--nbval", "--nbval-current-env",
    "--nbval-cell-timeout", LONGEST,
)  # fmt: skip


def proved(notebook: Path) -> bool:
    """Run one notebook against its outputs; say how long it took."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # a lab writes files beside itself
        shutil.copy(notebook, folder)
        environment = {**os.environ, "LABKIT_RUNS": f"{folder}/runs", "LABKIT_STATIC": "1"}
        command = [sys.executable, *COMMAND, notebook.name]
        done = subprocess.run(command, env=environment, cwd=folder, check=False)
    print(f"{notebook.stem}: {time.monotonic() - begun:.0f} s", flush=True)
    return done.returncode == 0


def turn(minutes: float, start: int) -> list[str]:
    """Return the numbers of the labs whose turn it is: at least one, in order from `start` on."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    numbers = sorted(measured)
    begin = start % len(numbers)
    chosen: list[str] = []
    for number in numbers[begin:] + numbers[:begin]:
        if not chosen or measured[number]["minutes"] <= minutes:
            chosen.append(number)
            minutes -= measured[number]["minutes"]
    return sorted(chosen)


def commit() -> int:
    """Return the commit as a number; 0 outside a repository."""
    command = ["git", "rev-parse", "HEAD"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(found.stdout.strip() or "0", 16)


def main(arguments: list[str]) -> int:
    """Run the notebooks given, those whose turn it is, or all; return the exit status."""
    parser = argparse.ArgumentParser(description="Prove the solutions with nbval.")
    parser.add_argument("labs", nargs="*", help="Numbers, as 05.")
    parser.add_argument("--minutes", type=float, help="As many as were built in that time.")
    asked = parser.parse_args(arguments)
    chosen = turn(asked.minutes, commit()) if asked.minutes else asked.labs
    notebooks = sorted(ROOT.glob("solutions/[0-9][0-9]_*.ipynb"))
    wanted = [path for path in notebooks if not chosen or path.stem[:2] in chosen]
    print(f"labs: {', '.join(path.stem[:2] for path in wanted)}", flush=True)
    return 0 if wanted and all([proved(path) for path in wanted]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
