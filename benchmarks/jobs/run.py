"""`make bench-jobs`: what Azure ML's own client says of a job file from labkit; nothing is sent.

This file needs the standard library alone: it makes an environment beside itself, with the client
in it, and goes on there. The project's environment (`make unit`) must be there.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from environment import go_on  # noqa: E402 - it lies in scripts/

if __name__ == "__main__":
    go_on(HERE, {}, with_labkit=False)
