"""Errors as a panel says them."""

from ..errors import LabError


def sentence(error: LabError) -> str:
    """Return an error as a panel shows it."""
    return f"{error.problem} {error.hint}"
