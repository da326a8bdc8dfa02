"""Make an environment with Voilà alone, once, and print its folder: `python scripts/voila.py`.

Voilà wants another server and other front-end packages than JupyterLab; kernels stay the project's.
"""

import subprocess
import sys
import venv
from pathlib import Path

VERSION = "0.5.13"
WANTED = (f"voila=={VERSION}", "ipywidgets>=8.1")


def folder() -> Path:
    """Return where the environment lies."""
    return Path.home() / ".cache" / "labkit" / "venvs" / f"voila-{VERSION}"


def make() -> Path:
    """Make the environment unless it is there, and return its folder."""
    found = folder()
    if not (found / "ready").exists():
        venv.create(found, with_pip=True, clear=True)
        pip = [str(found / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-q", *WANTED], check=True)
        (found / "ready").touch()
    return found


if __name__ == "__main__":
    sys.stdout.write(f"{make()}\n")
