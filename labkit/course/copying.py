"""The course's notebooks, copied to where a learner works."""

import shutil
from pathlib import Path

from .checking import CourseError

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "labs", _PACKAGE.parent / "labs")
"""In an installed package, and in a checkout."""


def copy_labs(folder: str | Path = "labs") -> list[Path]:
    """Copy the notebooks of the course into a folder; one that is there stays as it is.

    Args:
        folder: Where to; made where it is not there.

    Returns:
        The notebooks that were copied.

    Raises:
        CourseError: The folder cannot be written to, or the course is not installed.
    """
    target = Path(folder).expanduser()
    try:
        target.mkdir(parents=True, exist_ok=True)
        return [
            Path(shutil.copyfile(path, target / path.name))
            for path in _notebooks()
            if not (target / path.name).exists()
        ]
    except OSError as error:
        problem = f"The labs cannot be copied to {target}: {error.strerror}."
        raise CourseError(problem, hint="Name a folder of your own.") from error


def _notebooks() -> list[Path]:
    for place in _PLACES:
        if found := sorted(place.glob("[0-9][0-9]_*.ipynb")):
            return found
    raise CourseError(
        f"The labs are not in {_PLACES[0]}.", hint="Install labkit again: pip install labkit."
    )
