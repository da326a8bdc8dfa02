"""`python benchmarks/lm_eval/run.py RUN`: a run by lm-evaluation-harness beside labkit's figures.

This file needs the standard library alone: it makes an environment beside itself, with the harness
in it, and goes on there.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from environment import create_once  # noqa: E402 - it lies in scripts/

ENVIRONMENT = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"


def main() -> None:
    create_once(ENVIRONMENT, REQUIREMENTS)
    offline = {} if "--tasks" in sys.argv else {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [python(), str(HERE / "compare.py"), *sys.argv[1:]]
    os.execve(command[0], command, {**os.environ, **offline, "TOKENIZERS_PARALLELISM": "false"})


def python() -> str:
    return str(ENVIRONMENT / "bin" / "python")


if __name__ == "__main__":
    main()
