"""Runs as the worker leaves them, for magics to show."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "report"))
