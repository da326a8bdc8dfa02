"""`python benchmarks/lm_eval/run.py RUN`: a run by lm-evaluation-harness beside labkit's figures.

This file needs the standard library alone: it makes an environment beside itself, with the harness
in it, and goes on there.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from environment import go_on  # noqa: E402 - it lies in scripts/

if __name__ == "__main__":
    offline = {} if "--tasks" in sys.argv else {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    go_on(HERE, offline)
