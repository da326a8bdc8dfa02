"""The panel of a fine-tuning: its settings, its rows, its plan, and the run it starts."""

from typing import Any

from .. import api, catalog
from ..errors import LabError
from ..report.blocks import Block, Facts
from ..run import Run, free_name
from ..spec import FinetuneSpec
from ..typed import as_text
from . import finetune_fields as table
from . import finetune_parts as parts
from .answers import Answer, answered
from .checks import gathered
from .equivalents import asked
from .finetune_style import SHEET
from .latest import Latest
from .panel import Panel
from .pieces import button, drawn, row, text
from .preview import SHOWN, Preview, preview_html
from .said import sentence


class FinetunePanel(Panel):
    """All settings of a fine-tuning; what its rows and its plan are; start, stop and resume.

    Args:
        spec: Settings to begin with.
        settings: Fields of `FinetuneSpec` that change single ones.

    Raises:
        SpecError: A setting is wrong.
    """

    def __init__(self, spec: FinetuneSpec | None = None, **settings: Any) -> None:  # noqa: ANN401
        begin = FinetuneSpec.from_mapping({**(spec.changed() if spec else {}), **settings})
        self.fields = table.made()
        self.folds = parts.folds(self.fields)
        self.same = parts.Equivalents()
        self.actions = parts.Actions(self.start, self.stop, self.resume)
        self.sources = parts.Sources(lambda run: self.attempt(lambda: self.load(run)), self.clear)
        self.rows, self.plan = text(), text()
        self._spec: FinetuneSpec | None = None
        self._seen: tuple[list[Block], Preview | None] = ([], None)
        self._first, self._is_loading = 0, False
        self._run: Any = None
        self._latest = Latest(answered, self._show, self._wait)
        super().__init__("finetune", self._laid_out())
        for field in self.fields.values():
            field.on_change(self.look)
        self.actions.name.observe(lambda _: self.look(), "value")
        self.load(begin)

    @property
    def spec(self) -> FinetuneSpec | None:
        """The settings, where all of them are right."""
        return self._spec

    @property
    def run(self) -> Run | None:
        """The run that was started or resumed here last."""
        return self._run.run if self._run else None

    def load(self, settings: FinetuneSpec | Run) -> None:
        """Show the settings of a spec or of an earlier run."""
        spec = settings.spec if isinstance(settings, Run) else settings
        assert isinstance(spec, FinetuneSpec)
        self._is_loading = True
        for name in ("method", "loss"):
            self.fields[name].set(getattr(spec, name))
        table.suit(self.fields, spec.method, spec.loss)
        for name, value in table.shown_values(spec).items():
            self.fields[name].set(value)
        self._is_loading = False
        self.look()

    def clear(self) -> None:
        """Give every setting its default."""
        self.sources.runs.value = ""
        self.load(FinetuneSpec())

    def look(self) -> None:
        """Check all settings and show what follows from them."""
        if self._is_loading:
            return
        table.suit(self.fields, *(str(self.fields[name].value) for name in ("method", "loss")))
        for fold in self.folds:
            fold.suit()
        values = self._checked()
        self._spec = None if values is None else FinetuneSpec.from_mapping(values)
        self.mark("ready" if self._spec else "wrong")
        self.same.show(self._spec, self.actions.name.value.strip())
        if self._spec is not None:
            self._latest.ask((self._spec, self._first))

    def start(self) -> None:
        """Start the run, or show why not and go there."""
        self.look()
        if self._spec is None:
            self._go_to_fault()
            return
        spec, name = self._spec, self.actions.name.value.strip() or free_name("run")
        if self.attempt(lambda: self._follow(api.finetune(spec, name=name, wait=False))):
            self.say("")
        else:
            self.actions.name.focus()

    def stop(self) -> None:
        """Ask the run to finish its step, save a checkpoint and end."""
        if self.run is not None:
            self.attempt(self.run.stop)

    def resume(self) -> None:
        """Go on with the run of this name, with the settings it has."""
        name = self.actions.name.value.strip()
        found = self.run.name if self.run and not name else name
        if self.attempt(lambda: self._follow(api.resume(found, wait=False))):
            self.say("")

    def beat(self) -> bool:
        """Offer the buttons that fit the run; return whether it goes on."""
        self.actions.offer(self._named())
        more = bool(self._run) and bool(self._run.beat())
        if not more:
            self.sources.refresh()
            self.actions.offer(self._named())
        return more

    def blocks(self) -> list[Block]:
        """Return the settings, the plan and the run, if there is one."""
        values = asked(self._spec) if self._spec else {}
        shown = Facts("Fine-tuning", tuple((name, as_text(v)) for name, v in values.items()))
        return [shown, *self._seen[0], *(self._run.blocks() if self._run else [])]

    def close(self) -> None:
        """Take the controls away, those of the run as well."""
        if self._run:
            self._run.close()
        super().close()

    def _laid_out(self) -> list[Any]:
        from ipywidgets import VBox

        later = button("More rows", "Show the next training rows.", self._turn)
        self._below = VBox([])
        left = parts.column(self.sources.widget, *(fold.widget for fold in self.folds))
        right = parts.column(self.actions.widget, self.plan, self.same.widget, side=True)
        return [text(SHEET), parts.columns(left, right), self.rows, row(later), self._below]

    def _checked(self) -> dict[str, Any] | None:
        """Return the settings by name, or None where one is wrong and says so."""
        values, wrong = gathered(FinetuneSpec, self.fields)
        try:
            catalog.check_model_name(str(values.get("model", FinetuneSpec().model)))
        except LabError as error:
            wrong.setdefault("model", sentence(error))
        for name, field in self.fields.items():
            field.say(wrong.get(name, ""))
        self.say(wrong.get("", ""))
        return None if wrong else values

    def _go_to_fault(self) -> None:
        """Open the fold of the first setting that is wrong, and let the keyboard write there."""
        for fold in self.folds:
            for field in fold.fields:
                if field.is_wrong:
                    fold.open()
                    field.focus()
                    return

    def _named(self) -> Run | None:
        """Return the run of the name that is typed, else the one that was started here."""
        name = self.actions.name.value.strip()
        try:
            return Run(name) if name else self.run
        except LabError:
            return None

    def _follow(self, run: Run) -> None:
        from .follow import RunPanel

        if self._run:
            self._run.close()
        self._run = RunPanel(run)
        self._below.children = [self._run.root]
        self.actions.name.value = run.name
        self.wake()

    def _turn(self) -> None:
        self._first += SHOWN
        self.look()

    def _show(self, answer: Answer) -> None:
        seen, facts, wrong = answer
        self._seen = ([facts] if facts else [], seen)
        self._first = seen.first if seen else 0
        problem = parts.problem_html(wrong)
        self.plan.value = (drawn([facts]) if facts else "") + (problem if seen else "")
        self.rows.value = preview_html(seen) if seen else problem

    def _wait(self) -> None:
        self.rows.value = "Still reading the rows; all else can be used meanwhile."
