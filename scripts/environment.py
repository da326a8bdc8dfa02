"""Make the project's environment: `python scripts/environment.py .venv`.

Only the standard library is needed. Where there is no NVIDIA GPU, PyTorch's CPU build is taken:
it has the same version and is ten times smaller.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
TORCH_CPU = "https://download.pytorch.org/whl/cpu"


def main(folder: Path) -> None:
    """Make the environment in `folder`, with everything that the tests need."""
    constraints = ["-c", str(ROOT / "constraints.txt")]
    create(folder, [*constraints, "torch"], [*constraints, "-e", f"{ROOT}[dev]"])
    subprocess.run([*pip(folder), "check"], check=True)


def create(folder: Path, torch: list[str], wanted: list[str]) -> None:
    """Make an environment from what pip is to install: PyTorch first, if any, then the rest."""
    venv.create(folder, with_pip=True, clear=True)
    install = [*pip(folder), "install", "-q"]
    if torch and sys.platform == "linux" and not shutil.which("nvidia-smi"):
        small = [*torch, "--index-url", TORCH_CPU, "--retries", "0", "--timeout", "15"]
        # Where that address does not answer, the next command takes what the index has.
        subprocess.run([*install, *small], stderr=subprocess.DEVNULL, check=False)
    subprocess.run([*install, *wanted], check=True)


def pip(folder: Path) -> list[str]:
    """Return the command of an environment's pip."""
    return [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]


def create_once(folder: Path, requirements: Path, *, with_labkit: bool = True) -> None:
    """Make a benchmark's environment, unless it is there with these very requirements.

    Args:
        folder: Of the environment.
        requirements: What pip is to install.
        with_labkit: Whether labkit and what it depends on are installed too; without, the
            requirements name what is used of that, and labkit comes from `PYTHONPATH`.
    """
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = requirements.read_text(encoding="utf-8") + "".join(own["dependencies"])
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    stamp = folder / "ready"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Making {folder.relative_to(ROOT)}: a few minutes, once.", flush=True)
    torch, labkit = (["torch==2.13.0"], ["-e", str(ROOT)]) if with_labkit else ([], [])
    create(folder, torch, ["-r", str(requirements), *labkit])
    stamp.write_text(digest)


def go_on(here: Path, own: Mapping[str, str], *, with_labkit: bool = True) -> NoReturn:
    """Go on as `compare.py` of a benchmark's folder, in the environment of its requirements.

    Args:
        here: The benchmark's folder; `requirements.txt` lies in it, `.venv` is made in it.
        own: Environment variables that the benchmark sets.
        with_labkit: As for `create_once`.
    """
    create_once(here / ".venv", here / "requirements.txt", with_labkit=with_labkit)
    command = [str(here / ".venv" / "bin" / "python"), str(here / "compare.py"), *sys.argv[1:]]
    os.execve(command[0], command, {**os.environ, "TOKENIZERS_PARALLELISM": "false", **own})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
