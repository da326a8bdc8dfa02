"""The panel that asks several models the same, and holds two runs beside each other."""

import threading
from html import escape
from typing import Any

from ..errors import RunError
from ..report.blocks import Block, Facts
from ..report.difference import difference
from ..run import TUNED, Run, all_runs, runs_folder
from ..spec import FinetuneSpec
from .answer_cards import answer_blocks, answer_cards
from .askable import Model, models_of, tuned_of
from .asking import Answer, Asker, Question
from .cards import SHEET
from .panel import Panel
from .pieces import labelled, text
from .pulse import Pulse
from .question import QuestionControls
from .shown import Shown

EVERY = 0.2
"""Seconds between two drawings of what is said."""


class ComparePanel(Panel):
    """A prompt, and what the models of a run answer to it, side by side.

    Args:
        run: The fine-tuning whose models are asked: base, tuned and its exports.
        other: Another run to hold beside it: settings, results, cost, and its tuned model.

    Raises:
        RunError: There is no such run, or it is no fine-tuning.
    """

    def __init__(self, run: str | Run, other: str | Run | None = None) -> None:
        self.run = _finetuned(run)
        self.other = other if isinstance(other, Run) or other is None else Run(other)
        self.question = Question("")
        self.answers: list[Answer] = []
        self._asker, self._stopping = Asker(), threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self.controls = QuestionControls(self.run, self.ask, self.stop)
        self._cards, self._beside, self.second = text(), Shown(), self._second()
        title = text(f"{SHEET}<h4>Compare the models of {escape(self.run.name)}</h4>")
        beneath = [self._cards, self.second, self._beside.widget]
        super().__init__("compare", [title, self.controls.widget, *beneath])
        self._pulse = Pulse(self._go_on, EVERY)
        self.compare()
        self.mark("ready")

    @property
    def models(self) -> list[Model]:
        """The models that can be asked."""
        found = models_of(self.run)
        if self.other is not None and self.other.job in TUNED:
            tuned = (one for one in models_of(self.other) if one.source == "adapter")
            found += [Model(f"tuned of {one.run.name}", one.run, one.source) for one in tuned]
        return found

    @property
    def is_asking(self) -> bool:
        """Whether a model is still to answer."""
        return self._thread is not None and self._thread.is_alive()

    def blocks(self) -> list[Block]:
        """Return the last question with its answers, and the difference of the two runs."""
        names = ", ".join(model.name for model in self.models)
        found: list[Block] = [Facts(f"Models of {self.run.name}", (("can be asked", names),))]
        if self.answers:
            found = answer_blocks(self.question, self.answers)
        return [*found, *self._difference()]

    def ask(self) -> None:
        """Ask the ticked models, one after another."""
        if not self.is_asking and self.attempt(self._ask):
            self.say("")
            self.wake()

    def stop(self) -> None:
        """Let the model that is answering end, and ask no other."""
        self._stopping.set()

    def compare(self) -> None:
        """Show the difference of the two runs, if there is a second one, and offer its model."""
        self.controls.offer(self.models)
        self._beside.show(self._difference())
        self.keep()

    def beat(self) -> bool:
        """Draw what was said; return whether more is to come."""
        is_asking = self.is_asking
        self.controls.read_rows()
        if self.answers:
            html = answer_cards(self.question, self.answers)
            if self._cards.value != html:
                self._cards.value = html
        self.controls.enable(is_asking=is_asking)
        self.mark("asking" if is_asking else "answered" if self.answers else "ready")
        return is_asking

    def close(self) -> None:
        """Take the controls away and let go of the models; the record stays."""
        self.stop()
        super().close()
        self._is_closed = True
        if not self.is_asking:
            self._asker.close()

    def _ask(self) -> None:
        question, chosen = self.controls.read(), self.controls.chosen
        self.question, self.answers = question, [Answer(model) for model in chosen]
        self._stopping.clear()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.beat()

    def _work(self) -> None:
        for answer in self.answers:
            if self._stopping.is_set():
                answer.state = "stopped"
            else:
                self._asker.ask(answer, self.question, self._stopping.is_set)
        if self._is_closed:
            self._asker.close()

    def _difference(self) -> list[Block]:
        return difference(self.run, self.other) if self.other else []

    def _second(self) -> Any:  # noqa: ANN401 - a widget
        """Return the choice of a second run."""
        from ipywidgets import Dropdown

        own = [self.other.name] if self.other else []
        others = [run for run in all_runs() if run.path != self.run.path]
        names = dict.fromkeys([*own, *(run.name for run in others if run.job in TUNED)])
        options = [("no other run", None), *((name, name) for name in names)]
        tip = "Another run: its settings, results and cost, and its tuned model to ask"
        chosen = next(iter(own), None)
        found = labelled(Dropdown, "beside", tip, options=options, value=chosen)
        found.observe(lambda change: self.attempt(lambda: self._chosen(change["new"])), "value")
        return found

    def _chosen(self, name: str | None) -> None:
        self.other = Run(name) if name else None
        self.compare()


def _finetuned(run: str | Run) -> Run:
    """Return the fine-tuning that was named, or that an export is of; of several the first."""
    found = run if isinstance(run, Run) else _named(run)
    if found.job not in TUNED and (found.path.parent / "spec.yaml").is_file():
        found = Run(found.path.parent)
    found = next(iter(tuned_of(found)), found)
    if not isinstance(found.spec, FinetuneSpec) or found.job not in TUNED:
        raise RunError(
            f"The run {found.name!r} is no fine-tuning but a run of {found.job}.",
            hint="Name a run of %%finetune; %runs lists them.",
        )
    return found


def _named(name: str) -> Run:
    """Return the run of a name; of a base model's name the export of its adapters."""
    shared = f"{name}/onnx"
    return Run(shared if (runs_folder() / shared / "spec.yaml").is_file() else name)
