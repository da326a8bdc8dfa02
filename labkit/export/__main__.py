"""The child side of `child.call`: `python -m labkit.export <module> <function> <result file>`."""

import sys
from pathlib import Path

from .child import serve

if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
