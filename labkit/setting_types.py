"""A setting's declared type: the value it takes, and its name in an error."""

import types
from typing import Any, Union, get_args, get_origin


def fitted(value: Any, kind: Any) -> Any:  # noqa: ANN401 - any setting
    """Turn an int into the float a setting wants, a list or a lone text into a tuple."""
    options = get_args(kind) if _is_union(kind) else (kind,)
    if float in options and type(value) is int:
        return float(value)
    if any(get_origin(option) is tuple for option in options):
        if isinstance(value, list):
            return tuple(value)
        if isinstance(value, str) and str not in options:
            return (value,)
    return value


def fits(value: Any, kind: Any) -> bool:  # noqa: ANN401 - any setting and its type form
    """Tell whether a value is of the declared type; a list holds texts, at least one."""
    for option in get_args(kind) if _is_union(kind) else (kind,):
        if get_origin(option) is tuple:
            if isinstance(value, tuple) and value and all(type(part) is str for part in value):
                return True
        elif get_origin(option) is dict:
            if type(value) is dict:
                return True
        elif type(value) is option:  # not isinstance: True is no number here
            return True
    return False


def type_names(kind: Any) -> str:  # noqa: ANN401 - a type form
    """Return how an error names a setting's type: `text or list of texts`."""
    options = get_args(kind) if _is_union(kind) else (kind,)
    return " or ".join(_type_name(option) for option in options if option is not type(None))


def _is_union(kind: Any) -> bool:  # noqa: ANN401 - a type form
    return get_origin(kind) in (Union, types.UnionType)


def _type_name(kind: Any) -> str:  # noqa: ANN401 - a type form
    if get_origin(kind) is tuple:
        return "list of texts"
    if get_origin(kind) is dict:
        return "name: value lines"
    return {"str": "text", "int": "int", "float": "float", "bool": "true/false"}[kind.__name__]
