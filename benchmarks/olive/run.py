"""`make bench-olive`: labkit beside Olive on the same rows, and Olive reads what labkit exports.

This file needs the standard library alone: it makes an environment beside itself, with Olive in it,
and goes on there. See `--help` for the options.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from environment import go_on  # noqa: E402 - it lies in scripts/

if __name__ == "__main__":
    own = {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "OLIVE_DISABLE_TELEMETRY": "1",
    }
    go_on(HERE, own, with_labkit=False)
