"""One control for each setting of a spec: its words and rules are the spec's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import LabError, SpecError
from ..settings import Rule, Spec, docs_of, types_of
from ..yaml import parse_yaml
from .pieces import labelled, problem

UNSET = object()
"""What a control holds that was left empty: the setting has its default."""


@dataclass(frozen=True)
class Scale:
    """Where a slider runs: from `low` to `high`, in equal steps or equal ratios."""

    low: float
    high: float
    is_log: bool = False
    step: float = 1.0
    """Between two places; of a logarithmic scale the step of the decimal exponent."""


class Control:
    """A setting as a person sees it; text is the truth, a slider beside it only moves it.

    Args:
        spec: Whose setting it is.
        name: Of the setting.
        scale: Of a slider beside the text; none if left out.
        choices: Values to choose from where the rule names none.
    """

    def __init__(
        self, spec: type[Spec], name: str, scale: Scale | None = None, choices: tuple[str, ...] = ()
    ) -> None:
        self.spec, self.name = spec, name
        item = spec.__dataclass_fields__[name]  # type: ignore[attr-defined]
        self.rule: Rule = item.metadata.get("rule", Rule())
        self.default = item.default
        self._kind = types_of(spec)[name]
        self._field = self._make(self.rule.choices or choices)
        self._slider: Any = _slider(scale, name, docs_of(spec)[name]) if scale else None
        self._said = problem("")
        self._busy = False
        self.widget = self._layout()
        if self._slider is not None:
            self._slider.observe(self._moved, "value")
            self._field.observe(lambda _: self._follow(), "value")

    @property
    def value(self) -> Any:  # noqa: ANN401 - any setting
        """The value as a cell would have it; `UNSET` where it is empty.

        Raises:
            SpecError: The text is no YAML value.
        """
        held = self._field.value
        if not isinstance(held, str) or self._is_choice:
            return held
        if not held.strip():
            return UNSET
        return parse_yaml(f"{self.name}: {held}")[self.name]

    def set(self, value: Any) -> None:  # noqa: ANN401 - any setting
        """Show a value; None or `UNSET` empties the control."""
        if isinstance(self._field.value, bool) or self._is_choice:
            self._field.value = self.default if value in (None, UNSET) else value
        else:
            self._field.value = "" if value is None or value is UNSET else as_text(value)

    def check(self, others: dict[str, Any]) -> bool:
        """Say what is wrong with the value, if anything; return whether nothing is.

        Args:
            others: Settings that the rule of this one depends on, as `method`.
        """
        try:
            value = self.value
            if value is not UNSET:
                self.spec.from_mapping({**others, self.name: value})
        except LabError as error:
            self.say(f"{error.problem} {error.hint}")
            return False
        self.say("")
        return True

    def say(self, text: str) -> None:
        """Show what is wrong beneath the control; nothing for ""."""
        self._said.value = problem(text).value
        self._said.layout.display = "" if text else "none"
        (self._field.add_class if text else self._field.remove_class)("labkit-invalid")

    def show(self, is_shown: bool) -> None:
        """Show or hide the control."""
        self.widget.layout.display = "" if is_shown else "none"

    def on_change(self, call: Callable[[], None]) -> None:
        """Call something whenever the value changes."""
        self._field.observe(lambda _: call(), "value")

    @property
    def _is_choice(self) -> bool:
        return hasattr(self._field, "options") and not hasattr(self._field, "placeholder")

    def _make(self, choices: tuple[str, ...]) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import Checkbox, Dropdown, Text

        text = docs_of(self.spec)[self.name]
        if self._kind is bool:
            return labelled(Checkbox, self.name, text, value=self.default, indent=False)
        if self.rule.choices and self._kind is str:
            return labelled(Dropdown, self.name, text, options=choices, value=self.default)
        value = "" if self.default is None or self.rule.by_method else as_text(self.default)
        return labelled(Text, self.name, text, value=value, continuous_update=False)

    def _layout(self) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import VBox

        self._said.layout.display = "none"
        parts = [self._field, *([self._slider] if self._slider else []), self._said]
        box = VBox(parts)
        box.add_class("labkit-field")
        box.add_class(f"labkit-field-{self.name}")
        return box

    def _moved(self, change: Any) -> None:  # noqa: ANN401 - traitlets'
        if not self._busy:
            self._field.value = as_text(float(f"{change['new']:.2g}"), self._kind)

    def _follow(self) -> None:
        """Put the slider where the text is, as far as it reaches."""
        slider = self._slider
        try:
            value = float(self.value)
        except (SpecError, TypeError, ValueError):
            return
        low, high = slider.min, slider.max
        if hasattr(slider, "base"):
            low, high = slider.base**low, slider.base**high
        self._busy = True
        slider.value = min(max(value, low), high)
        self._busy = False


def as_text(value: Any, kind: Any = None) -> str:  # noqa: ANN401 - any setting
    """Return a value as one types it: `5e-4`, `true`, `q_proj, v_proj`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, float):
        return f"{value:.0f}" if kind is int else f"{value:g}".replace("e-0", "e-")
    return str(value)


def _slider(scale: Scale, name: str, text: str) -> Any:  # noqa: ANN401 - a widget
    from math import log10

    from ipywidgets import FloatLogSlider, FloatSlider

    style = {"value": scale.low, "step": scale.step, "readout": False}
    if scale.is_log:
        ends = {"base": 10, "min": log10(scale.low), "max": log10(scale.high)}
        return labelled(FloatLogSlider, f"slider of {name}", text, **style, **ends)
    return labelled(FloatSlider, f"slider of {name}", text, min=scale.low, max=scale.high, **style)
