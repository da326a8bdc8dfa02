"""`python benchmarks/lm_eval/run.py RUN`: a run by lm-evaluation-harness beside labkit's figures.

This file needs the standard library alone: it makes an environment beside itself, with the harness
in it, and goes on there.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"
TORCH_CPU = "https://download.pytorch.org/whl/cpu"


def main() -> None:
    make_environment()
    offline = {} if "--tasks" in sys.argv else {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [python(), str(HERE / "compare.py"), *sys.argv[1:]]
    os.execve(command[0], command, {**os.environ, **offline, "TOKENIZERS_PARALLELISM": "false"})


def make_environment() -> None:
    """Make the environment, unless it is there with these very requirements."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = REQUIREMENTS.read_text(encoding="utf-8") + "".join(own["dependencies"])
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    stamp = ENVIRONMENT / "ready"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print("Making benchmarks/lm_eval/.venv: a few minutes, once.", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    install = [python(), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    if sys.platform == "linux" and not shutil.which("nvidia-smi"):
        small = ["torch==2.13.0", "--index-url", TORCH_CPU, "--retries", "0", "--timeout", "15"]
        # Where that address does not answer, the next command takes what the index has.
        subprocess.run([*install, *small], stderr=subprocess.DEVNULL, check=False)
    subprocess.run([*install, "-r", str(REQUIREMENTS), "-e", str(ROOT)], check=True)
    stamp.write_text(digest)


def python() -> str:
    return str(ENVIRONMENT / "bin" / "python")


if __name__ == "__main__":
    main()
