"""The controls of a question: which models are asked, what, and how they are to answer."""

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import RunError
from ..report import words
from ..run import Run
from ..settings import docs_of
from ..spec import GenerateSpec
from .askable import Model, labels_of
from .asking import Question
from .controls import UNSET, Control, Scale
from .pieces import button, labelled, row, text
from .ready_rows import Ready, ready_rows

SCALES = {
    "max_new_tokens": Scale(1, 1024, is_log=True, step=1.0, base=2.0),
    "temperature": Scale(0, 2, step=0.05),
}
"""Sliders of the settings of answering."""

FIELDS = (*SCALES, "raw")
"""Settings of answering that have a control."""

LABEL_TOKENS = 16
"""Longest answer where labels are asked for: a base model that knows none goes on and on."""


class QuestionControls:
    """Models to tick, held-out rows to take, a prompt to type, and Ask and Stop.

    Args:
        run: The fine-tuning whose models are asked.
        ask: Called by Ask, and by Enter in the prompt.
        stop: Called by Stop.
    """

    def __init__(self, run: Run, ask: Callable[[], None], stop: Callable[[], None]) -> None:
        from ipywidgets import VBox

        self._run, self._ask = run, ask
        self._rows: list[Ready] | None = None
        self._boxes: dict[Model, Any] = {}
        self._models, self.take, self.prompt = row(), _row_list(), _prompt()
        self._models.add_class("labkit-ask")
        self.controls = {name: Control(GenerateSpec, name, SCALES.get(name)) for name in FIELDS}
        self.press = button("Ask", "Ask the ticked models (Enter).", ask, style="primary")
        self.end = button("Stop", "Let the answer end here, and ask no further.", stop)
        self.take.observe(lambda _: self._taken(), "value")
        self.prompt.on_msg(self._heard)
        if labels_of(self._run):
            self.controls["max_new_tokens"].set(LABEL_TOKENS)
        for control in self.controls.values():
            control.on_change(self._check)
        settings = row(*(control.widget for control in self.controls.values()))
        buttons = row(self.press, self.end)
        self.widget = VBox([self._models, self.take, self.prompt, settings, buttons])
        self.enable(is_asking=False)

    @property
    def chosen(self) -> list[Model]:
        """The models to ask.

        Raises:
            RunError: There is none.
        """
        found = [model for model, box in self._boxes.items() if box.value]
        if not found:
            raise RunError("No model is chosen.", hint="Tick one above the prompt.")
        return found

    def offer(self, models: Sequence[Model]) -> None:
        """Show a box for each model that can be asked; one that was unticked stays so."""
        before = {model.name: box.value for model, box in self._boxes.items()}
        self._boxes = {
            model: _box(model, is_on=before.get(model.name, model.source != "fp32"))
            for model in models
        }
        self._models.children = [text("<b>Ask</b>"), *self._boxes.values()]

    def read_rows(self) -> None:
        """Offer rows of the held-out set, once."""
        if self._rows is not None:
            return
        self._rows = ready_rows(self._run)
        options = [
            (f"{at}: {words.head(one.prompt, 90)}", at) for at, one in enumerate(self._rows, 1)
        ]
        lead = "take a held-out row …" if options else "the run's rows are not here"
        self.take.options = [(lead, None), *options]

    def read(self) -> Question:
        """Return the question as the controls have it.

        Raises:
            RunError: There is none.
            SpecError: A setting is wrong.
        """
        prompt = self.prompt.value
        if not prompt.strip():
            raise RunError("There is no prompt.", hint="Type one, or take a held-out row.")
        held = {name: control.value for name, control in self.controls.items()}
        how = {name: value for name, value in held.items() if value is not UNSET}
        GenerateSpec.from_mapping({"run": self._run.name, "prompts": (prompt,), **how})
        known = (one.expected for one in self._rows or () if one.prompt == prompt)
        return Question(prompt, labels_of(self._run), next(known, ""), how)

    def enable(self, *, is_asking: bool) -> None:
        """Let the button be pressed that is of use now."""
        if self.end.disabled is is_asking or self.press.disabled is not is_asking:
            self.press.disabled, self.end.disabled = is_asking, not is_asking

    def _taken(self) -> None:
        if self.take.value is not None and self._rows:
            one = self._rows[self.take.value - 1]
            self.prompt.value = one.prompt
            self.controls["raw"].set(one.raw)

    def _check(self) -> None:
        given = {"run": self._run.name, "prompts": ("",)}
        for control in self.controls.values():
            control.check(given)

    def _heard(self, _: Any, content: Any, __: Any) -> None:  # noqa: ANN401 - ipywidgets'
        if content.get("event") == "submit":
            self._ask()


def _row_list() -> Any:  # noqa: ANN401 - a widget
    from ipywidgets import Dropdown

    tip = "A held-out row of the run, with its right answer"
    return labelled(Dropdown, "row", tip, options=[("reading the rows …", None)])


def _prompt() -> Any:  # noqa: ANN401 - a widget
    from ipywidgets import Text

    found = labelled(Text, "prompt", docs_of(GenerateSpec)["prompts"])
    found.placeholder = "Type a prompt and press Enter"
    return found


def _box(model: Model, *, is_on: bool) -> Any:  # noqa: ANN401 - a widget
    from ipywidgets import Checkbox

    switched = f", {model.adapter} switched on" if model.adapter else ""
    tip = f"{model.source} of {model.run.name}{switched}"
    found = labelled(Checkbox, model.name, tip, value=is_on, indent=False)
    found.layout.width = "auto"
    return found
