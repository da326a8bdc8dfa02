"""Reading what a person typed: options on the first line, settings and objects below."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ..errors import SpecError, near
from ..yaml import parse_yaml

PLACE = re.compile(r"^(\w+):\s*\{\{\s*(.*?)\s*\}\}\s*(?:#.*)?$", re.MULTILINE)
"""A line `name: {{variable}}`: the one way a notebook's object gets into a cell."""


def split_line(line: str) -> list[str]:
    """Return the words of a magic's line; quotes group words as in a shell."""
    try:
        return shlex.split(line)
    except ValueError as error:
        hint = "Close the quotes."
        raise SpecError(f"The line {line!r} cannot be read: {error}.", hint=hint) from error


def read_cell(cell: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a cell's YAML body, `{{variable}}` replaced by its object."""
    objects = {key: _variable(name, variables) for key, name in PLACE.findall(cell)}
    return parse_yaml(PLACE.sub("", cell)) | objects


def _variable(name: str, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the user's object
    if name in variables:
        return variables[name]
    known = [key for key in variables if not key.startswith("_")]
    hint = near(name, known, "Run the cell that makes it first.")
    raise SpecError(f"There is no variable {name!r} for {{{{{name}}}}}.", hint=hint)
