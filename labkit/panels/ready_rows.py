"""Held-out rows of a run as prompts that are ready to be asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import data
from ..errors import LabError
from ..run import Run
from ..runtime import PromptForm, prompt_section
from ..spec import FinetuneSpec

MOST = 50
"""Rows that are offered."""


@dataclass(frozen=True)
class Ready:
    """One row."""

    prompt: str
    """What is asked."""

    expected: str
    """The right answer."""

    raw: bool
    """Whether the prompt is used as it stands, for it has its template around it."""


def ready_rows(run: Run) -> list[Ready]:
    """Return held-out rows of a run; where its data is not here, those that it recorded."""
    spec = run.spec
    if not isinstance(spec, FinetuneSpec):
        return []
    here = Path(str(run.events()[0].get("cwd", ".")))
    try:
        if data.is_hub_id(spec.data, here / spec.data):  # a hub is the worker's to ask
            return _recorded(run)
        return list(_of(spec, data.load(spec, base=here).held_out[:MOST]))
    except (LabError, OSError):
        return _recorded(run)


def _of(spec: FinetuneSpec, examples: tuple[data.Example, ...]) -> Iterator[Ready]:
    """Yield rows that a text can ask for, as short as the run's template allows."""
    form = PromptForm.of(prompt_section(spec))
    for example in examples:
        expected = (example.label or example.completion).strip()
        if example.messages is not None:
            turns = [(turn.get("role"), str(turn.get("content"))) for turn in example.messages]
            if [role for role, _ in turns] == ["user", "assistant"]:
                yield Ready(turns[0][1], expected, raw=False)
        elif _fills(form, example):
            yield Ready(example.given, expected, raw=False)
        else:
            yield Ready(example.prompt, expected, raw=True)


def _fills(form: PromptForm, example: data.Example) -> bool:
    """Whether the given text, put into the run's template, is the row's prompt."""
    try:
        return form.filled(example.given) == example.prompt
    except LabError:
        return False


def _recorded(run: Run) -> list[Ready]:
    """Return the rows that were answered while the run went on."""
    found = {str(event.get("prompt")): str(event.get("expected")) for event in run.of("sample")}
    return [Ready(prompt, expected, raw=True) for prompt, expected in found.items()][:MOST]
