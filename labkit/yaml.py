"""Settings as YAML text, by the rules of YAML 1.2."""

import re
from collections.abc import Mapping
from typing import Any

from .errors import SpecError


def parse_yaml(text: str) -> dict[str, Any]:
    """Read `name: value` lines as YAML 1.2, in which `1e-4` is a number."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    hint = "Write one name: value a line, as in learning_rate: 5e-4."
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\w+:\s+#", line):
            raise SpecError(
                f"Line {number} has no value: {line.strip()!r}; what follows # is a comment.",
                hint='Put a text that begins with # in "quotes".',
            )
    try:
        values = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpecError(f"The settings are not YAML{where}: {said}.", hint=hint) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SpecError(f"The settings must be name: value lines; got {text!r:.60}.", hint=hint)
    return values


def write_yaml(values: Mapping[str, Any]) -> str:
    """Return `values` as YAML text."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 10_000
    out = StringIO()
    yaml.dump(dict(values), out)
    return out.getvalue()
