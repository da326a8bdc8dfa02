"""All settings of a form at once: what they are, and what is wrong with which."""

from collections.abc import Mapping
from typing import Any

from ..errors import LabError
from ..settings import Spec
from .controls import UNSET, Control
from .said import sentence


def gathered(
    spec: type[Spec], fields: Mapping[str, Control]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings that controls hold, and what is wrong by setting.

    Args:
        spec: Whose settings they are.
        fields: Controls by setting; of those that are hidden nothing is asked.
    """
    values: dict[str, Any] = {}
    unread: dict[str, str] = {}
    for name, field in fields.items():
        try:
            if field.is_shown and (value := field.value) is not UNSET:
                values[name] = value
        except LabError as error:
            unread[name] = sentence(error)
    return values, faults(spec, values) | unread


def faults(spec: type[Spec], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong by setting, in the words of the cell; "" names what is no one's alone.

    Args:
        spec: Whose settings they are.
        values: Settings by name, those left empty left out.
    """
    left, found = dict(values), dict[str, str]()
    while True:
        try:
            spec.from_mapping(left)
        except LabError as error:
            name = error.problem.partition(" ")[0]
            name = name if name in spec.__dataclass_fields__ else ""  # type: ignore[attr-defined]
            found.setdefault(name, sentence(error))
            if name not in left:
                return found
            del left[name]
        else:
            return found
