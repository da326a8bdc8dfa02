"""`python benchmarks/llama/run.py FOLDER`: an int8 export beside llama.cpp's Q4 and PyTorch fp32.

This file needs the standard library alone: it makes an environment beside itself, with llama.cpp
from a wheel in it, and goes on there. See `--help` for the options.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from environment import go_on  # noqa: E402 - it lies in scripts/

if __name__ == "__main__":
    go_on(HERE, {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""})
