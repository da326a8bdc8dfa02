"""What a search may change: of each setting a range or a choice, read from YAML and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SpecError, listed, near
from ..settings import types_of
from .finetune import FinetuneSpec

KINDS = {"float": "float", "int": "int", "choice": "choice", "categorical": "choice"}
"""What a dimension's `type` may be."""

ALIASES = {"lora_r": "r"}
"""Settings by the names that the course module gives them."""

FIXED = ("data", "split", "eval_split", "test_split", "eval_share", "group_by", "task", "seed")
"""Settings that decide which rows a trial is judged on, and so must be the same for all."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float

    log: bool = False
    """Whether equal factors, not equal differences, are equally likely."""

    step: float | None = None
    """Distance of the values; None for any number, of whole numbers 1."""

    is_whole: bool = False
    """Whether the values are whole numbers."""

    def as_dict(self) -> dict[str, Any]:
        """Return the range as it is written in YAML."""
        rest = {"log": True} if self.log else {"step": self.step} if self.step else {}
        return {
            "type": "int" if self.is_whole else "float",
            "low": self.low,
            "high": self.high,
        } | rest

    def __str__(self) -> str:
        step = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{', log' if self.log else step}"

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values between which all others lie."""
        return (self.low, self.high)

    @property
    def points(self) -> tuple[Any, ...] | None:
        """Every value, of a grid; None where they have no distance."""
        if self.step is None:
            return None
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return tuple(self.low + at * self.step for at in range(count))


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as it is written in YAML."""
        return {"type": "choice", "values": list(self.values)}

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values."""
        return self.values

    points = ends


Dimension = Range | Choice


def read_space(raw: Mapping[str, Any]) -> dict[str, Dimension]:
    """Return the dimensions of a search by the name of their setting.

    Args:
        raw: By setting a list of values, `{values: […]}` or `{low: …, high: …}` with `log` or
            `step`; `type` (float, int, choice) is the setting's own where it is left out.

    Raises:
        SpecError: A setting cannot be searched, or what it may be is not said.
    """
    if not raw:
        raise SpecError(
            "search_space is empty.",
            hint="Add a setting, for example learning_rate: {low: 1e-5, high: 1e-3, log: true}.",
        )
    named = [(_setting(str(name)), value) for name, value in raw.items()]
    return {name: _dimension(name, value) for name, value in named}


def _setting(name: str) -> str:
    name = ALIASES.get(name, name)
    known = FinetuneSpec.__dataclass_fields__
    if name not in known:
        raise SpecError(
            f"search_space: there is no setting {name!r}.",
            hint=near(name, known, f"Settings: {', '.join(known)}."),
        )
    if name in FIXED:
        raise SpecError(
            f"search_space: {name} cannot be searched, for trials must be judged on the same rows.",
            hint=f"Leave it out; these are the same for all trials: {listed(FIXED, 'and')}.",
        )
    return name


def _dimension(name: str, value: Any) -> Dimension:  # noqa: ANN401 - from YAML
    if isinstance(value, list | tuple):
        value = {"values": value}
    if not isinstance(value, Mapping):
        raise _refusal(name, "a list of values, or low and high", value)
    kind = value.get("type", "choice" if "values" in value else _kind(name))
    if kind not in KINDS:
        raise _refusal(name, f"of type {listed([*KINDS])}", kind)
    wanted = ("values",) if KINDS[kind] == "choice" else ("low", "high")
    allowed = {"type", *wanted, *(() if "values" in wanted else ("log", "step"))}
    odd = next((key for key in value if key not in allowed), None)
    if odd is not None:
        hint = near(str(odd), allowed, f"It takes {listed(sorted(allowed), 'and')}.")
        raise SpecError(f"search_space: {name} takes no {odd!r}.", hint=hint)
    if any(value.get(key) is None for key in wanted):
        raise _refusal(name, f"given {listed(wanted, 'and')}", dict(value))
    return _choice(name, value) if "values" in wanted else _range(name, KINDS[kind], value)


def _choice(name: str, value: Mapping[str, Any]) -> Choice:
    values = value["values"]
    if (
        not isinstance(values, list | tuple)
        or not values
        or len(set(map(str, values))) < len(values)
    ):
        raise _refusal(name, "a list of different values", values)
    odd = next((one for one in values if not isinstance(one, str | int | float | None)), None)
    if odd is not None:
        raise _refusal(name, "a list of texts, numbers or true and false", odd)
    return Choice(tuple(values))


def _range(name: str, kind: str, value: Mapping[str, Any]) -> Range:
    low, high, step, log = value["low"], value["high"], value.get("step"), value.get("log")
    whole = kind == "int"
    for number in (low, high) if step is None else (low, high, step):
        if type(number) is bool or not isinstance(number, int if whole else int | float):
            raise _refusal(name, f"made of {'whole ' if whole else ''}numbers", number)
    if not low < high:
        raise _refusal(name, "a range whose low is below its high", f"{low} to {high}")
    if log and (low <= 0 or step is not None):
        raise _refusal(name, "above 0 and without step where log is true", dict(value))
    if step is not None and step <= 0:
        raise _refusal(name, "of a step above 0", step)
    if not whole:
        low, high = float(low), float(high)
    return Range(low, high, bool(log), step, whole)


def _kind(name: str) -> str:
    """Return the type of a setting's numbers."""
    kind = str(types_of(FinetuneSpec)[name])
    return "float" if "float" in kind else "int"


def _refusal(name: str, rule: str, value: Any) -> SpecError:  # noqa: ANN401 - from YAML
    return SpecError(
        f"search_space: {name} must be {rule}; got {value!r}.",
        hint="For example: {low: 1e-5, high: 1e-3, log: true}, or [8, 16, 32].",
    )
