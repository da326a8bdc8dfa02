"""Prove the solutions with nbval: `python scripts/notebooks.py [05 …]`; a changed number fails.

Each notebook runs in a folder of runs of its own. Where LABKIT_REUSE names a folder, a run that is
the same in several notebooks is made once; without it every run is made anew.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = "1800"
"""Seconds of a cell."""

COMMAND = (
    "-m", "pytest", "-q", "-W", "ignore", "--nbval", "--nbval-current-env",
    "--nbval-cell-timeout", LONGEST,
)  # fmt: skip


def proved(notebook: Path) -> bool:
    """Run one notebook against its outputs; say how long it took."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LABKIT_RUNS": folder, "LABKIT_STATIC": "1"}
        command = [sys.executable, *COMMAND, str(notebook.relative_to(ROOT))]
        done = subprocess.run(command, env=environment, cwd=ROOT, check=False)
    print(f"{notebook.stem}: {time.monotonic() - begun:.0f} s", flush=True)
    return done.returncode == 0


def main(chosen: list[str]) -> int:
    """Run the notebooks whose names begin as chosen, or all; return the exit status."""
    notebooks = sorted(ROOT.glob("solutions/[0-9][0-9]_*.ipynb"))
    wanted = [path for path in notebooks if not chosen or path.stem[:2] in chosen]
    return 0 if wanted and all([proved(path) for path in wanted]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
