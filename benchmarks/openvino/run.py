"""`python benchmarks/openvino/run.py RUN_OR_FOLDER …`: exported models on a second provider.

This file needs the standard library alone: it makes an environment beside itself, with OpenVINO's
ONNX Runtime in it, and goes on there. See `--help` for the options.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from environment import go_on  # noqa: E402 - it lies in scripts/

if __name__ == "__main__":
    go_on(HERE, {"PYTHONPATH": str(ROOT)}, with_labkit=False)
