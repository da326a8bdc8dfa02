"""The command line: the same specs, runs and words as the notebook."""

import sys
from collections.abc import Sequence

from ..errors import LabError
from .parser import parser

__all__ = ["main", "parser"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `labkit …` and exit: 0 done, 1 a `LabError` (two lines on standard error), 130 ^C."""
    try:
        args = parser().parse_args(arguments)
        args.command(args)
    except LabError as error:
        print("\n".join(error._render_traceback_()), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
