"""The parts of the fine-tuning panel: folds of settings, buttons, texts to copy."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..run import Run, runs_folder
from ..spec import FinetuneSpec
from . import finetune_fields as table
from .controls import Control
from .equivalents import cell_text, command_text, yaml_text
from .pieces import button, copyable, labelled, problem, put, row, text

SAME = "<b>The same run as text</b>"


class Fold:
    """Controls under a heading that a press, or the keyboard, opens and closes."""

    def __init__(self, group: table.Group, fields: Mapping[str, Control]) -> None:
        from ipywidgets import Button, VBox

        self.title, self.fields = group.title, [fields[name] for name in group.names]
        self._heading = Button(tooltip=f"Show or hide: {', '.join(group.names)}")
        self._heading.on_click(lambda _: self.open(not self.is_open))
        self._inside = row(*(field.widget for field in self.fields))
        self.widget = VBox([self._heading, self._inside])
        self.widget.add_class("labkit-fold")
        self.open(group.is_open)

    @property
    def is_open(self) -> bool:
        """Whether the controls are shown."""
        return bool(self._inside.layout.display != "none")

    def open(self, is_open: bool = True) -> None:
        """Show or hide the controls."""
        self._inside.layout.display = "" if is_open else "none"
        self._heading.description = f"{'▾' if is_open else '▸'} {self.title}"

    def suit(self) -> None:
        """Hide the heading where no control of it is shown."""
        is_used = any(field.is_shown for field in self.fields)
        self.widget.layout.display = "" if is_used else "none"


class Equivalents:
    """The same run as a cell, a command and YAML, to copy."""

    def __init__(self) -> None:
        from ipywidgets import VBox

        self._title = text(SAME)
        self.cell = copyable("cell", "")
        self.command = copyable("command", "")
        self.yaml = copyable("YAML", "")
        self.areas = (self.cell, self.command, self.yaml)
        for area in self.areas:
            area.style.description_width = "80px"
        self.widget = VBox([self._title, *self.areas])
        self.widget.add_class("labkit-same")

    def show(self, spec: FinetuneSpec | None, name: str) -> None:
        """Show a run; while a setting is wrong the texts stay as they were, and that is said."""
        self._title.value = SAME if spec else f"{SAME} (as before what is wrong now)"
        if spec is None:
            return
        texts = (cell_text(spec, name), command_text(spec, name), yaml_text(spec))
        for area, said in zip(self.areas, texts, strict=True):
            if area.value != said:
                put(area, said)
                area.layout.height = f"{min(14, said.count(chr(10)) + 2) * 1.35:.1f}em"


class Actions:
    """The name of the run and the buttons that act on it."""

    def __init__(
        self, start: Callable[[], None], stop: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        from ipywidgets import Text, VBox

        tip = "Name of the run's folder; left out: run-1, run-2, …"
        self.name = labelled(Text, "name of the run", tip, value="", continuous_update=False)
        self.name.style.description_width = "120px"
        self.start = button("Start", "Train in a process of its own.", start, style="success")
        self.stop = button("Stop", "Finish the step, save a checkpoint and end.", stop)
        self.resume = button("Resume", "Go on from the last checkpoint of this name.", resume)
        self.widget = VBox([self.name, row(self.start, self.stop, self.resume)])

    def offer(self, run: Run | None) -> None:
        """Let those buttons be pressed that can be of use with a run."""
        status = run.status if run else ""
        self.start.disabled = run is not None and run.is_alive
        self.stop.disabled = run is None or not run.is_alive
        self.resume.disabled = status not in ("stopped", "failed")


class Sources:
    """Where settings can be taken from: an earlier run, or the defaults."""

    NONE = "settings of an earlier run …"

    def __init__(self, load: Callable[[Run], Any], clear: Callable[[], None]) -> None:
        from ipywidgets import Dropdown

        tip = "Take all settings of a run of this folder"
        self.runs = labelled(Dropdown, "load", tip, options=[(self.NONE, "")], value="")
        self.runs.style.description_width = "40px"
        self.runs.layout.width = "300px"
        self._load = load
        self.runs.observe(self._chosen, "value")
        self.defaults = button("Defaults", "Give every setting its default.", clear)
        self.widget = row(self.runs, self.defaults)
        self.refresh()

    def _chosen(self, change: Any) -> None:  # noqa: ANN401 - traitlets'
        if change["new"]:
            self._load(Run(change["new"]))

    def refresh(self) -> None:
        """List the fine-tunings there are, the newest first."""
        names = ["", *_finetunings()]
        options = [(name or self.NONE, name) for name in names]
        if list(self.runs.options) != options:
            held = self.runs.value if self.runs.value in names else ""
            self.runs.options, self.runs.value = options, held


def _finetunings() -> Sequence[str]:
    files = [file for file in runs_folder().glob("*/spec.yaml") if _is_finetuning(file.parent.name)]
    newest = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.parent.name for file in newest]


def _is_finetuning(name: str) -> bool:
    return Run(name).job in ("finetune", "find_lr")


def folds(fields: Mapping[str, Control]) -> list[Fold]:
    """Return the folds of all settings."""
    return [Fold(group, fields) for group in table.GROUPS]


def problem_html(said: str) -> str:
    """Return what is wrong as HTML; "" for ""."""
    return str(problem(said).value) if said else ""


def column(*widgets: Any, side: bool = False) -> Any:  # noqa: ANN401 - widgets
    """Return widgets one below the other, beside other columns where the page has room."""
    from ipywidgets import VBox

    found = VBox(list(widgets))
    found.add_class("labkit-column")
    if side:
        found.add_class("labkit-side")
    return found


def columns(*found: Any) -> Any:  # noqa: ANN401 - widgets
    """Return columns side by side."""
    from ipywidgets import Box

    box = Box(list(found))
    box.add_class("labkit-columns")
    return box
