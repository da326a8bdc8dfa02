"""Put Voilà beside the environment, once, and print its folder: `python scripts/voila.py`.

All that it needs is in the environment already, except for what is named here. In a folder of its
own it adds nothing to JupyterLab, whose extension it would be.
"""

import subprocess
import sys
from pathlib import Path

VERSION = "0.5.13"
WANTED = (f"voila=={VERSION}", "websockets==17.4")


def make() -> Path:
    """Return the folder with Voilà, made unless it is there: for PYTHONPATH and JUPYTER_PATH."""
    folder = Path(sys.prefix) / f"voila-{VERSION}"
    if not (folder / "ready").exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        only = ["--no-deps", "--upgrade", "--target", str(folder)]
        subprocess.run([*pip, "install", "-q", *only, *WANTED], check=True)
        (folder / "ready").touch()
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{make()}\n")
