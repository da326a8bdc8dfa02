"""Put another front of Jupyter beside the environment, once: `python scripts/fronts.py voila`.

All that they need is in the environment already, except for what is named here. In a folder of its
own a front adds nothing to JupyterLab, whose extension it would be.
"""

import subprocess
import sys
from pathlib import Path

WANTED = {
    "voila": ("voila==0.5.13", "websockets==17.4"),
    "notebook": ("notebook==7.6.5",),
}
"""What pip is to install for each front."""


def make(front: str) -> Path:
    """Return the folder with a front, made unless it is there: for PYTHONPATH and JUPYTER_PATH."""
    folder = Path(sys.prefix) / WANTED[front][0].replace("==", "-")
    if not (folder / "ready").exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        only = ["--no-deps", "--upgrade", "--target", str(folder)]
        subprocess.run([*pip, "install", "-q", *only, *WANTED[front]], check=True)
        (folder / "ready").touch()
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{make(sys.argv[1])}\n")
