"""Answers of a model to prompts."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import catalog, launch, report
from ..errors import RunError, RunStopped
from ..run import Run, create, is_answered_by_export
from ..spec import GenerateSpec


class Answers(list[str]):
    """Answers, one a prompt; a notebook shows them as text.

    Args:
        texts: The answers.
        probabilities: Of each answer the labels that were weighed, the likeliest first.
    """

    def __init__(
        self, texts: Iterable[str], probabilities: Iterable[Mapping[str, float]] = ()
    ) -> None:
        super().__init__(texts)
        self.probabilities = [dict(of) for of in probabilities]

    def __repr__(self) -> str:
        weighed = self.probabilities or [{} for _ in self]
        return "\n".join(map(_line, self, weighed))


def generate(
    prompts: str | Sequence[str],
    *,
    run: str | Run,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of GenerateSpec
) -> Answers:
    """Answer prompts with the base model, the tuned one or its ONNX export.

    Args:
        prompts: One text or several; each fills the run's template where it has one place.
        run: The run whose model answers, or a model's name for the base alone.
        view: Who shows what is said while it is said; nobody if left out.
        settings: Fields of `GenerateSpec`: `source`, `max_new_tokens`, `temperature`, …

    Returns:
        One answer a prompt, without the prompt.

    Raises:
        RunStopped: ■ or Ctrl-C ended it; the view keeps what was said.
    """
    spec = asked(prompts, run, settings)
    with tempfile.TemporaryDirectory(prefix="labkit-") as folder:
        job = create("generate", "generate", spec, root=Path(folder))
        launch.start(job, needs_torch=not is_answered_by_export(spec))
        return answers(job, view)


def asked(
    prompts: str | Sequence[str], run: str | Run, settings: Mapping[str, Any]
) -> GenerateSpec:
    """Return what is asked of which model.

    Raises:
        LabError: There is no such run or model, or a setting is wrong.
    """
    texts = (prompts,) if isinstance(prompts, str) else tuple(prompts)
    return GenerateSpec.from_mapping({"run": _model_of(run), "prompts": texts, **settings})


def answers(job: Run, view: launch.View | None) -> Answers:
    """Wait for the answers of a job that was started, and return them."""
    try:
        launch.wait(job, view or report.SilentView())
    except RunStopped as error:
        raise RunStopped("The answer was stopped.", hint="Ask again as before.") from error
    found = job.of("answer")
    weighed = [event.get("probabilities") or {} for event in found]
    return Answers((str(event["text"]) for event in found), weighed)


def _line(text: str, weighed: Mapping[str, float]) -> str:
    """Return an answer, and what was weighed beside it."""
    chances = ", ".join(f"{label} {100 * chance:.1f} %" for label, chance in weighed.items())
    return f"{text} ({chances})" if chances else text


def _model_of(run: str | Run) -> str:
    """Return a run's folder, or the name of a base model."""
    if isinstance(run, Run):
        return str(run.path)
    try:
        return str(Run(run).path)
    except RunError as error:
        try:
            catalog.check_model_name(run)
        except Exception:  # noqa: BLE001 - no model either: the run is what was meant
            raise error from None
        return run
