"""`python benchmarks/llama/run.py FOLDER`: an int8 export beside llama.cpp's Q4 and PyTorch fp32.

This file needs the standard library alone: it makes an environment beside itself, with llama.cpp
from a wheel in it, and goes on there. See `--help` for the options.
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
    python = str(ENVIRONMENT / "bin" / "python")
    own = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
    os.execve(python, [python, str(HERE / "compare.py"), *sys.argv[1:]], {**os.environ, **own})


if __name__ == "__main__":
    main()
