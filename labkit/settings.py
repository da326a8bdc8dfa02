"""What makes a dataclass a spec: rules of its fields, checks on creation, YAML in and out."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, is_dataclass
from typing import Any, Self, get_type_hints

from .errors import SpecError, near
from .setting_types import fits, fitted, type_names
from .yaml import parse_yaml, write_yaml


@dataclass(frozen=True)
class Rule:
    """What a setting's value must satisfy, beside its type."""

    at_least: float | None = None
    """Smallest allowed value."""

    at_most: float | None = None
    """Largest allowed value."""

    above: float | None = None
    """The value must be greater than this."""

    choices: tuple[str, ...] = ()
    """Allowed texts; empty for any."""

    unit: str = ""
    """Unit or meaning of the number, shown in errors."""

    is_dependent: bool = False
    """Whether another setting, as the method, gives the default; None where there is none."""

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - any setting
        """Tell whether `value`, already of the right type, is allowed."""
        if self.choices:
            return all(v in self.choices for v in (value if isinstance(value, tuple) else (value,)))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        over = -math.inf if self.above is None else self.above
        return math.isfinite(value) and low <= value <= high and value > over

    def __str__(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        parts = []
        if self.above is not None:
            parts.append(f"above {self.above:g}")
        if self.at_least is not None and self.at_most is not None:
            parts.append(f"from {self.at_least:g} to {self.at_most:g}")
        elif self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        elif self.at_most is not None:
            parts.append(f"at most {self.at_most:g}")
        return " and ".join(parts) + (f" ({self.unit})" if self.unit else "")


def setting(default: Any, **rule: Any) -> Any:  # noqa: ANN401 - a dataclass field of any type
    """Return a field with a default and the `Rule` its values follow."""
    return field(default=default, metadata={"rule": Rule(**rule)})


class Spec:
    """Base of all specs: checked on creation, read from a mapping or YAML, written as YAML."""

    def __post_init__(self) -> None:
        hints = types_of(type(self))
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value = fitted(getattr(self, item.name), hints[item.name])
            object.__setattr__(self, item.name, value)
            rule: Rule = item.metadata.get("rule", Rule())
            if not (rule.is_dependent and value is None) and not fits(value, hints[item.name]):
                raise self._refusal(item.name, f"of type {type_names(hints[item.name])}", value)
            if value is not None and not rule.holds(value):
                raise self._refusal(item.name, str(rule), value, rule.choices)

    def default_hint(self, name: str) -> str:
        """Return the sentence that says what a setting is when it is left out."""
        default = self.__dataclass_fields__[name].default  # type: ignore[attr-defined]
        return "It has no default." if default is MISSING else f"The default is {default!r}."

    def _refusal(
        self,
        name: str,
        rule: str,
        value: Any,  # noqa: ANN401 - any setting
        choices: tuple[str, ...] = (),
    ) -> SpecError:
        hint = self.default_hint(name)
        hint = near(value, choices, hint) if isinstance(value, str) else hint
        return SpecError(f"{name} must be {rule}; got {value!r}.", hint=hint)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Make a spec from names and values; an unknown name is an error with the nearest one."""
        known = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for name in values:
            if name not in known:
                hint = near(str(name), known, f"Settings: {', '.join(known)}.")
                raise SpecError(f"There is no setting {str(name)!r}.", hint=hint)
        for name, item in known.items():
            if item.default is MISSING and name not in values:
                raise SpecError(f"{name} is missing.", hint=f"Add a line {name}: ….")
        return cls(**values)

    @classmethod
    def from_yaml(cls, text: str, **overrides: Any) -> Self:  # noqa: ANN401 - settings
        """Read a spec from `name: value` lines (YAML 1.2); `overrides` win over the text."""
        return cls.from_mapping({**parse_yaml(text), **overrides})

    def as_dict(self) -> dict[str, Any]:
        """Return all settings by name, in the order they are declared."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    def changed(self) -> dict[str, Any]:
        """Return the settings that differ from their defaults."""
        defaults = {item.name: item.default for item in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in self.as_dict().items() if value != defaults[name]}

    def to_yaml(self, *, changed_only: bool = False) -> str:
        """Return the spec as YAML that `from_yaml` reads back to an equal spec."""
        values = self.changed() if changed_only else self.as_dict()
        values = {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}
        return write_yaml(values) if values else ""


_TYPES: dict[type, dict[str, Any]] = {}
_DOCS: dict[type, dict[str, str]] = {}


def types_of(spec: type) -> dict[str, Any]:
    """Return the declared type of each setting of `spec`."""
    if spec not in _TYPES:
        _TYPES[spec] = get_type_hints(spec)  # evaluates every annotation anew, so only once
    return _TYPES[spec]


def docs_of(spec: type) -> dict[str, str]:
    """Return the text under each setting of `spec`, on one line: its meaning and unit."""
    if spec not in _DOCS:
        parts = [_read_docs(part) for part in reversed(spec.__mro__) if is_dataclass(part)]
        _DOCS[spec] = {name: text for part in parts for name, text in part.items()}
    return _DOCS[spec]


def _read_docs(spec: type) -> dict[str, str]:
    import ast
    import inspect
    from itertools import pairwise

    source = ast.parse(inspect.getsource(spec)).body[0]
    assert isinstance(source, ast.ClassDef)
    return {
        item.target.id: " ".join(str(text.value.value).split())
        for item, text in pairwise(source.body)
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
