"""The template editor: type it, see a row as the model will, and what a run would refuse."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ..catalog import data_entry
from ..data.examples import Example
from ..data.layouts import WHOLE, Layout, layout_of
from ..data.render import render, render_notes
from ..data.tables import Row
from ..data.templates import Template
from ..errors import LabError
from ..spec import FinetuneSpec
from .pieces import button, labelled, problem, row, text, visible
from .said import sentence

FORMS = {"one text": ("text_template",),
         "prompt and completion": ("prompt_template", "completion_template")}  # fmt: skip
"""Each form with its settings."""

TIPS = {
    "text_template": "One text; what follows the last fixed text is the completion",
    "prompt_template": "What the model is given",
    "completion_template": "What it learns to answer",
}
CHATS = (
    "The rows are chats: the model's own chat template renders them. A template makes them text."
)
LONG = 3_000
"""Characters of a rendered row on the page, at each end."""


class TemplateEditor:
    """Fields for a template, its columns as buttons, and one row rendered as one types.

    Args:
        changed: Called after each change.
        apply: Called to check all rows with the template.
    """

    def __init__(self, changed: Callable[[], None], apply: Callable[[], None]) -> None:
        from ipywidgets import Textarea, ToggleButtons, VBox

        settings = [" and ".join(names) for names in FORMS.values()]
        self.form = ToggleButtons(options=list(FORMS), description="template", tooltips=settings)
        self.form.style.button_width = "auto"
        self.fields = {name: labelled(Textarea, name, tip, rows=3) for name, tip in TIPS.items()}
        self._into = "text_template"
        self.columns = row()
        self._said, self._rendered, self._hint = problem(""), text(), text()
        tip = "Read all rows with this template and inspect them"
        self.apply = button("Check all rows", tip, apply, style="primary")
        parts = [self.form, self._hint, *self.fields.values(), self.columns]
        self.widget: Any = VBox([*parts, self._said, self._rendered, row(self.apply)])
        self.widget.add_class("labkit-part")
        self._spec = FinetuneSpec()
        self._known: list[str] = []
        self._start: dict[str, str] = {}
        self._row: Row | None = None
        self._changed = changed
        self.is_right = True
        self.form.observe(lambda _: self._typed(), "value")
        for name, field in self.fields.items():
            field.observe(lambda _, name=name: self._typed(name), "value")

    def open(self, spec: FinetuneSpec, layout: Layout, columns: list[str]) -> None:
        """Begin with the template that the rows were read with."""
        self._spec, self._known, self._row = spec, columns, None
        self._start = {} if layout.chat else texts_of(layout)
        self._hint.value = f"<div>{CHATS}</div>" if layout.chat else ""
        for name, field in self.fields.items():
            field.value = self._start.get(name, "")
        self.form.value = list(FORMS)["prompt_template" in self._start]
        self.columns.children = [self._button(name) for name in columns]
        self._typed()

    def append(self, column: str) -> None:
        """Put a column's place at the end of the field that was changed last."""
        names = FORMS[self.form.value]
        field = self.fields[self._into if self._into in names else names[-1]]
        field.value += f"{{{column}}}"

    def show(self, row: Row | None) -> None:
        """Render a row."""
        self._row = row
        self._render()

    def spec(self) -> FinetuneSpec:
        """Return the settings with this template; where nothing was changed, those it began with.

        Raises:
            SpecError: The template is none.
        """
        texts = {name: self.fields[name].value for name in FORMS[self.form.value]}
        texts = {name: value for name, value in texts.items() if value}
        if texts == self._start:
            return self._spec
        others = {name: of for name, of in self._spec.changed().items() if name not in TIPS}
        return FinetuneSpec.from_mapping(others | texts)

    def _button(self, column: str) -> Any:  # noqa: ANN401 - a widget
        tip = f"Append the place of the column {column}"
        return button(f"{{{column}}}", tip, lambda: self.append(column))

    def _typed(self, name: str = "") -> None:
        self._into = name or self._into
        shown = FORMS[self.form.value]
        for name, field in self.fields.items():
            field.layout.display = "" if name in shown else "none"
        self._render()
        self._changed()

    def _render(self) -> None:
        wrong, html = "", ""
        try:
            spec = self.spec()
            if self._row is not None:
                layout = self._layout(spec)
                (example,) = render([self._row], layout)
                notes = [] if layout.chat else render_notes([self._row], layout, [example])
                html = rendered(example, self._row, notes)
        except LabError as error:
            wrong = sentence(error)
        self.is_right = not wrong
        self._said.value = problem(wrong).value
        self._rendered.value = html
        self.apply.disabled = bool(wrong)

    def _layout(self, spec: FinetuneSpec) -> Layout:
        entry = data_entry(spec.data)
        return layout_of(spec, entry.text_template if entry else None, self._known)


def texts_of(layout: Layout) -> dict[str, str]:
    """Return the settings that would give a layout."""
    if layout.setting == "text_template" or layout == WHOLE:
        return {"text_template": written(layout.prompt, layout.completion)}
    prompt, completion = written(layout.prompt), written(layout.completion)
    return {"prompt_template": prompt, "completion_template": completion}


def written(*templates: Template) -> str:
    """Return templates, one after the other, as a person writes them."""
    return "".join(
        fixed.replace("{", "{{").replace("}", "}}") + (f"{{{column}}}" if column else "")
        for template in templates
        for fixed, column in template
    )


def rendered(example: Example, row: Row, notes: Sequence[str]) -> str:
    """Return a row as the model reads it, what is learned underlined."""
    lead = f"{row.name}, as the model reads it; it learns what is underlined"
    if example.messages is not None:
        lead += ", with the marks of its chat template around each turn"
    prompt, completion = (visible(part, LONG) for part in (example.prompt, example.completion))
    text = f"{prompt}<mark>{completion}</mark>"
    more = "".join(f"<div>! {escape(note)}</div>" for note in notes)
    pre = f'<pre tabindex="0">{text}</pre>'
    return f'<div class="labkit-rendered">{escape(lead)}:{pre}{more}</div>'
