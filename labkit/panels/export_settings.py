"""The settings of an export as controls, checked as they change, and the lines that ask for it."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import LabError
from ..export import Gates
from ..runtime.targets import TARGETS, choose, is_installed
from ..settings import docs_of
from ..spec import OptimizeSpec
from ..spec.optimize import PRECISIONS
from ..typed import flag
from .controls import UNSET, Control, Scale
from .pieces import copyable, labelled, problem, put, row
from .said import sentence

SCALES = {
    "max_kl": Scale(0.001, 1.0, is_log=True, step=0.05),
    "min_top1": Scale(0.5, 1.0, step=0.01),
    "max_drop": Scale(0.0, 0.2, step=0.005),
}
"""Sliders of the gates."""

FIELDS = ("target", "int4", "tune", *SCALES, "limit", "seed", "accept")
"""Settings that have a control of their own."""

LINES = ("cell", "command", "program")
"""Ways to ask for the same."""


class ExportSettings:
    """Controls of what an export is asked for.

    Args:
        name: Of the run to optimise.
        changed: Called whenever a value has changed and was checked.
    """

    def __init__(self, name: str, changed: Callable[[], None]) -> None:
        self._name, self._changed, self._is_loading = name, changed, False
        self._precisions = {one: _box(one) for one in PRECISIONS}
        self._wrong = problem("")
        self.controls = {one: Control(OptimizeSpec, one, SCALES.get(one)) for one in FIELDS}
        self.controls["target"].field.options = [(_called(one), one) for one in _names()]
        for name in SCALES:
            self.controls[name].let_default(getattr(Gates(), name))
        self._lines = {one: copyable(one, "") for one in LINES}
        for line in self._lines.values():
            line.rows, line.layout.height = 1, "auto"
        self.widget = self._layout()
        for box in self._precisions.values():
            box.observe(lambda _: self.check(), "value")
        for control in self.controls.values():
            control.on_change(self.check)
        self.is_right = True

    @property
    def precisions(self) -> tuple[str, ...]:
        """What is asked for, from the largest to the smallest."""
        return tuple(name for name, box in self._precisions.items() if box.value)

    @property
    def target(self) -> str:
        """The target that is chosen."""
        return str(self.controls["target"].value)

    def values(self) -> dict[str, Any]:
        """Return the settings that differ from their defaults, after the precisions.

        Raises:
            SpecError: One of them is wrong.
        """
        held = {name: control.value for name, control in self.controls.items()}
        held = {name: value for name, value in held.items() if value is not UNSET}
        if "int4" not in self.precisions:
            held.pop("int4")
        spec = OptimizeSpec.from_mapping({"run": self._name, "precision": self.precisions, **held})
        changed = {name: value for name, value in spec.changed().items() if name != "run"}
        return {"precision": spec.precision} | changed

    def load(self, spec: OptimizeSpec) -> None:
        """Show the settings of an earlier export."""
        self._is_loading = True
        for name, box in self._precisions.items():
            box.value = name in spec.precision
        for name, control in self.controls.items():
            control.set(getattr(spec, name))
        self._is_loading = False
        self.check()

    def check(self) -> None:
        """Say beneath each control what is wrong with it, and show the lines that ask for this."""
        if self._is_loading:
            return
        given = {"run": self._name}
        right = [control.check(given) for control in self.controls.values()]
        right += [self._check_target(), self._check_precisions()]
        self.controls["int4"].show("int4" in self.precisions)
        self.is_right = all(right)
        if self.is_right:
            for name, line in lines(self._name, self.values()).items():
                put(self._lines[name], line)
        self._changed()

    def line(self, kind: str) -> str:
        """Return the line of a kind: `cell`, `command` or `program`."""
        return str(self._lines[kind].value)

    def _check_target(self) -> bool:
        if self.target == "auto":
            return True
        try:
            choose(self.target)
        except LabError as error:
            self.controls["target"].say(sentence(error))
            return False
        return True

    def _check_precisions(self) -> bool:
        wrong = "" if self.precisions else "precision must be at least one of fp32, int8, int4."
        if self._wrong.value != problem(wrong).value:
            self._wrong.value = problem(wrong).value
        return not wrong

    def _layout(self) -> Any:  # noqa: ANN401 - a widget
        from ipywidgets import HTML, VBox

        lead = HTML('<div style="width:118px;text-align:right">precision</div>')
        boxes = row(lead, *self._precisions.values())
        return VBox(
            [
                boxes,
                self._wrong,
                row(*(control.widget for control in self.controls.values())),
                *self._lines.values(),
            ]
        )


def lines(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the line magic, the command and the program that ask for an export."""
    words = [name, *(word for key, value in values.items() for word in flag(key, value))]
    given = ", ".join(f"{key}={value!r}" for key, value in values.items())
    return {
        "cell": f"%optimize {shlex.join(words)}",
        "command": f"labkit optimize {shlex.join(words)}",
        "program": f"labkit.optimize({name!r}, {given})",
    }


def _box(precision: str) -> Any:  # noqa: ANN401 - a widget
    from ipywidgets import Checkbox

    text = docs_of(OptimizeSpec)["precision"]
    found = labelled(Checkbox, precision, text, value=precision == "int8", indent=False)
    found.layout.width = "64px"
    return found


def _names() -> list[str]:
    return [target.name for target in TARGETS] + ["auto"]


def _called(name: str) -> str:
    """Return a target with what is here of it, for a list."""
    if name == "auto":
        return "auto – measures what is installed"
    target = next(one for one in TARGETS if one.name == name)
    here = "installed" if is_installed(target) else f"not installed ({target.package})"
    return f"{name} – {here}"
