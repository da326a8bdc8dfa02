"""One control for each setting of a spec: its words and rules are the spec's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args, get_origin

from ..errors import LabError
from ..settings import Rule, Spec, docs_of, types_of
from ..typed import as_text
from ..yaml import parse_yaml
from .movers import Scale, moved_to, mover, taken
from .pieces import labelled, problem
from .said import sentence

__all__ = ["UNSET", "Control", "Scale", "as_text"]

UNSET = object()
"""What a control holds that was left empty: the setting has its default."""

WRITTEN = ("_template", "_text")
"""Endings of settings whose texts may have several lines."""


class Control:
    """A setting as a person sees it; text is the truth, what stands beside it only moves it.

    Args:
        spec: Whose setting it is.
        name: Of the setting.
        scale: Of a slider beside the text; none if left out.
        choices: Values that a list beside the text offers, where the rule names none.
    """

    def __init__(
        self, spec: type[Spec], name: str, scale: Scale | None = None, choices: Sequence[str] = ()
    ) -> None:
        self.spec, self.name = spec, name
        item = spec.__dataclass_fields__[name]  # type: ignore[attr-defined]
        self.rule: Rule = item.metadata.get("rule", Rule())
        self.default = item.default
        self._kind = types_of(spec)[name]
        self.field = self._make()
        self._mover: Any = mover(name, docs_of(spec)[name], scale, choices)
        self._said = problem("")
        self._busy = False
        self.widget = self._layout()
        self.field.observe(lambda _: self._follow(), "value")
        if self._mover is not None:
            self._mover.observe(self._moved, "value")
        self._follow()

    @property
    def value(self) -> Any:  # noqa: ANN401 - any setting
        """The value as a cell would have it; `UNSET` where it is empty.

        Raises:
            SpecError: The text is no YAML value.
        """
        held = self.field.value
        if not isinstance(held, str) or self._is_choice:
            return held
        if not held.strip():
            return UNSET
        return held if self._is_text else self._read(held)

    def set(self, value: Any) -> None:  # noqa: ANN401 - any setting
        """Show a value; None or `UNSET` empties the control."""
        is_empty = value is None or value is UNSET
        if isinstance(self.field.value, bool) or self._is_choice:
            self.field.value = self.default if is_empty else value
        else:
            text = str(value) if self._is_text else as_text(value)
            self.field.value = "" if is_empty else text

    def let_default(self, value: Any) -> None:  # noqa: ANN401 - any setting
        """Say what the setting is when it is left out, as another method has another default."""
        is_left_out = self.field.value == self.default
        self.default = value
        if isinstance(self.field.value, bool) or self._is_choice:
            self.field.value = value if is_left_out else self.field.value
        else:
            self.field.placeholder = "left out" if value is None else as_text(value)
            self._follow()

    def check(self, others: dict[str, Any]) -> bool:
        """Say what is wrong with the value, if anything; return whether nothing is.

        Args:
            others: Settings that the rule of this one depends on, as `method`.
        """
        try:
            if (value := self.value) is not UNSET:
                self.spec.from_mapping({**others, self.name: value})
        except LabError as error:
            self.say(sentence(error))
            return False
        self.say("")
        return True

    def say(self, text: str) -> None:
        """Show what is wrong beneath the control; nothing for ""."""
        if self._said.value != (shown := problem(text).value):
            self._said.value = shown
            self._said.layout.display = "" if text else "none"
            (self.field.add_class if text else self.field.remove_class)("labkit-invalid")

    def show(self, is_shown: bool) -> None:
        """Show or hide the control."""
        self.widget.layout.display = "" if is_shown else "none"

    @property
    def is_shown(self) -> bool:
        """Whether the control is shown."""
        return bool(self.widget.layout.display != "none")

    @property
    def is_wrong(self) -> bool:
        """Whether it is said that the value is wrong."""
        return bool(self._said.layout.display != "none")

    def focus(self) -> None:
        """Let the keyboard write here."""
        self.field.focus()

    def on_change(self, call: Callable[[], None]) -> None:
        """Call something whenever the value changes."""
        self.field.observe(lambda _: call(), "value")

    @property
    def _is_choice(self) -> bool:
        return hasattr(self.field, "options")

    @property
    def _is_text(self) -> bool:
        """Whether the value is what was typed, as it stands."""
        return str in self._kinds and not self._is_list

    @property
    def _is_list(self) -> bool:
        return any(get_origin(kind) is tuple for kind in self._kinds)

    @property
    def _kinds(self) -> tuple[Any, ...]:
        is_single = get_origin(self._kind) in (tuple, None)
        return (self._kind,) if is_single else get_args(self._kind)

    def _read(self, held: str) -> Any:  # noqa: ANN401 - any setting
        if self._is_list and str not in self._kinds and held.lstrip()[:1] != "[":
            return tuple(part.strip() for part in held.split(",") if part.strip())
        return parse_yaml(f"{self.name}: {held}")[self.name]

    def _make(self) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import Checkbox, Dropdown, Text, Textarea

        text = docs_of(self.spec)[self.name]
        if self._kind is bool:
            self.default = bool(self.default)
            return labelled(Checkbox, self.name, text, value=self.default, indent=False)
        if choices := self.rule.choices if self._kind is str else ():
            self.default = self.default or choices[0]
            return labelled(Dropdown, self.name, text, options=choices, value=self.default)
        hint = "left out" if self.default is None else as_text(self.default)
        value = "" if self.rule.is_dependent else as_text(self.default)
        own = {"value": value, "placeholder": hint, "continuous_update": False}
        return labelled(Textarea if self.name.endswith(WRITTEN) else Text, self.name, text, **own)

    def _layout(self) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import VBox

        self._said.layout.display = "none"
        box = VBox([self.field, *([self._mover] if self._mover else []), self._said])
        box.add_class("labkit-field")
        box.add_class(f"labkit-field-{self.name}")
        return box

    def _moved(self, change: Any) -> None:  # noqa: ANN401 - traitlets'
        if self._busy:
            return
        new = taken(self._mover, change["new"], self._shown)
        if new is not None:
            self.field.value = new if isinstance(new, str) else as_text(new, self._kinds[0])

    @property
    def _shown(self) -> str:
        """The text that a person sees: what was typed, or the default."""
        return str(self.field.value) or as_text(self.default)

    def _follow(self) -> None:
        """Put what moves the text where the text is, as far as it reaches."""
        if self._mover is not None:
            with self._quiet():
                moved_to(self._mover, self._shown)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        was, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = was
