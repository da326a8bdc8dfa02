"""`python benchmarks/openvino/run.py RUN_OR_FOLDER …`: exported models on a second provider.

This file needs the standard library alone: it makes an environment beside itself, with OpenVINO's
ONNX Runtime in it, and goes on there. See `--help` for the options.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from environment import create_once  # noqa: E402 - it lies in scripts/

ENVIRONMENT = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"


def main() -> None:
    create_once(ENVIRONMENT, REQUIREMENTS, with_labkit=False)
    python = str(ENVIRONMENT / "bin" / "python")
    own = {"PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false"}
    os.execve(python, [python, str(HERE / "compare.py"), *sys.argv[1:]], {**os.environ, **own})


if __name__ == "__main__":
    main()
