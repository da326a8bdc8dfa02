"""Asking models the same: each answer as it comes, its times, each label's probability."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import api, machine
from ..errors import LabError, RunStopped
from ..report.said import said
from ..run import Run
from ..runtime import Loaded
from ..runtime.folder import graph_bytes
from .askable import Model
from .said import sentence

ROOM = 2**30
"""Bytes of weights of exported models that stay open between two questions."""


@dataclass(frozen=True)
class Question:
    """What is asked."""

    prompt: str
    labels: tuple[str, ...] = ()
    """Labels to weigh, of a classification."""

    expected: str = ""
    """The right answer, where it is known."""

    how: Mapping[str, Any] = field(default_factory=dict)
    """Settings of answering by their names."""


@dataclass
class Answer:
    """What a model said; it grows while the model writes."""

    model: Model
    state: str = "waiting"
    """`waiting`, `loading`, `answering`, `weighing`, `done`, `stopped` or `failed`."""

    text: str = ""
    problem: str = ""
    """Why there is no answer, and what to do."""

    first_token_seconds: float | None = None
    """From the question to the first piece, the loading not counted."""

    seconds: float | None = None
    """From the question to the last piece."""

    n_tokens: int | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Each label's, the likeliest first."""

    @property
    def token_seconds(self) -> float | None:
        """Time of each token after the first; None where there is no second one."""
        if self.first_token_seconds is None or self.seconds is None or (self.n_tokens or 0) < 2:
            return None
        return (self.seconds - self.first_token_seconds) / ((self.n_tokens or 0) - 1)

    @property
    def label(self) -> str:
        """The likeliest label; what was written where none were weighed."""
        return next(iter(self.probabilities), self.text.strip())


class Asker:
    """Asks one model after another; they stay open between two questions, where there is room."""

    def __init__(self) -> None:
        self._open: dict[Path, tuple[Loaded, int]] = {}
        self._torch = api.Answerer()

    def ask(self, answer: Answer, question: Question, should_stop: Callable[[], bool]) -> None:
        """Let a model answer; whatever goes wrong becomes a sentence of the answer."""
        answer.state = "loading"
        in_torch = answer.model.source in ("base", "adapter")
        try:
            (self._ask_torch if in_torch else self._ask_onnx)(answer, question, should_stop)
            answer.state = "stopped" if should_stop() else "done"
        except RunStopped:
            answer.state = "stopped"
        except LabError as error:
            answer.state, answer.problem = "failed", sentence(error)
        except Exception as error:  # noqa: BLE001 - a thread's error would be seen by nobody
            answer.state, answer.problem = "failed", f"It did not answer: {error!r}."

    def close(self) -> None:
        """Let go of the models."""
        self._open.clear()
        self._torch.close()

    def _ask_torch(
        self, answer: Answer, question: Question, should_stop: Callable[[], bool]
    ) -> None:
        """Let a worker answer, which keeps its models; this process never loads torch."""
        labels = weighed(question, answer.model)
        how = {**question.how, "source": answer.model.source, "labels": labels or None}
        view = _Heard(answer, should_stop)
        self._torch.generate(question.prompt, run=answer.model.run, view=view, **how)

    def _ask_onnx(
        self, answer: Answer, question: Question, should_stop: Callable[[], bool]
    ) -> None:
        loaded = self._loaded(answer.model)
        how = dict(question.how)
        asked = {"raw": how.pop("raw", False)}
        if loaded.labels:
            _weigh(answer, loaded, question, None, asked)
            return
        answer.state, start = "answering", time.monotonic()
        stream = loaded.stream(question.prompt, **asked, **how)
        for piece in stream:
            answer.seconds = time.monotonic() - start
            answer.first_token_seconds = answer.first_token_seconds or answer.seconds
            answer.text, answer.n_tokens = answer.text + piece, stream.n_new_tokens
            if should_stop():
                return
        if labels := weighed(question, answer.model):
            answer.state = "weighing"
            answer.probabilities = loaded.score(question.prompt, labels, **asked)

    def _loaded(self, model: Model) -> Loaded:
        """Return an exported model, opened now or before; the oldest go where room is short."""
        folder = model.run.path / model.source
        if folder not in self._open:
            size = graph_bytes(folder)
            while self._open and sum(size for _, size in self._open.values()) + size > ROOM:
                del self._open[next(iter(self._open))]
            opened = api.load(model.run, precision=model.source, threads=machine.processors())
            self._open[folder] = opened, size
        opened = self._open[folder][0]
        return opened.using(model.adapter) if model.adapter else opened


def weighed(question: Question, model: Model) -> tuple[str, ...]:
    """Return the labels of a question, for a model that knows the same; of another none."""
    return question.labels if set(question.labels) == set(model.labels) else ()


def _weigh(
    answer: Answer,
    loaded: Loaded,
    question: Question,
    labels: tuple[str, ...] | None,
    asked: dict[str, Any],
) -> None:
    """Let a classification head answer: one pass gives every label's probability."""
    answer.state, start = "weighing", time.monotonic()
    answer.probabilities = loaded.score(question.prompt, labels, **asked)
    answer.seconds = answer.first_token_seconds = time.monotonic() - start
    answer.text, answer.n_tokens = answer.label, 1


class _Heard:
    """Writes what a worker says into an answer, and tells it to stop."""

    def __init__(self, answer: Answer, should_stop: Callable[[], bool]) -> None:
        self._answer, self._should_stop = answer, should_stop

    def update(self, run: Run) -> None:
        """Take over what was said so far."""
        if text := "".join(said(run)):
            self._answer.text, self._answer.state = text, "answering"
        if self._should_stop():
            run.stop()

    def close(self, run: Run) -> None:
        """Take over the answer and what was measured of it."""
        self.update(run)
        found = run.last("answer") or {}
        for name in ("first_token_seconds", "seconds", "n_tokens", "probabilities"):
            if found.get(name) is not None:
                setattr(self._answer, name, found[name])
