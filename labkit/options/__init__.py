"""The options of each command: the same for a magic and for the command line."""

from .magics import MAGICS

__all__ = ["MAGICS"]
