"""How a prompt is put: the form a run was trained on, kept beside its exported model.

`labkit.json` has it in the section `prompt`: `form` is `chat`, `plain` or `template`; a template
has the pieces of prompt and completion, each a fixed text and the column that follows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..catalog.entries import data_entry
from ..data.layouts import PLAIN, Layout, template_layout, texts_for_prompt
from ..data.prompts import Messages, with_start
from ..data.templates import Template, columns, fill, join
from ..data.text_tokenizer import TextTokenizer
from ..errors import DataError
from ..spec import FinetuneSpec

Given = str | Mapping[str, str] | Messages
"""What is asked: a text, column → text, or a chat's turns."""


@dataclass(frozen=True)
class PromptForm:
    """What stands around a question."""

    form: Literal["template", "chat", "plain"] = "plain"
    """A template with places, a chat's first turn, or nothing."""

    layout: Layout = PLAIN
    """The template's pieces."""

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "PromptForm":
        """Return the form that `prompt_section` wrote."""
        prompt, completion = (_pieces(section.get(side, ())) for side in ("prompt", "completion"))
        return cls(section.get("form", "plain"), Layout(prompt, completion))

    def fitting(self, chat_template: str | None) -> "PromptForm":
        """Return this form; plain text where a chat is wanted and there is no template for it."""
        return PromptForm() if self.form == "chat" and not chat_template else self

    def filled(self, given: Given, *, raw: bool = False) -> str | Messages:
        """Return what the model is asked: a text, or a chat's turns.

        Args:
            given: A text is put into the form; a chat stays as it is.
            raw: Whether a text is used as it stands.

        Raises:
            DataError: The template has other places than what was given.
        """
        if not isinstance(given, str | Mapping):
            return given
        text = self._text(given, raw)
        if self.form == "chat" and not raw:
            return [{"role": "user", "content": text}]
        return join(text, "")[0]

    def completion(self, given: Given, label: str, *, raw: bool = False) -> str:
        """Return a label as it is written after the prompt, as the training rows have it."""
        if not isinstance(given, str | Mapping) or (self.form == "chat" and not raw):
            return label
        places = [] if raw else columns(self.layout.completion)
        written = fill(self.layout.completion, {places[0]: label}) if len(places) == 1 else label
        return join(self._text(given, raw), written)[1]

    def _text(self, given: str | Mapping[str, str], raw: bool) -> str:
        layout = self.layout if self.form == "template" and not raw else PLAIN
        return fill(layout.prompt, texts_for_prompt(layout, given))


def prompt_section(settings: FinetuneSpec | None, *, chat: bool = False) -> dict[str, Any]:
    """Return a model's section `prompt`: the form in which it wants to be asked.

    Args:
        settings: Those of the run that trained it; None for a base model, which is asked in chat.
        chat: Whether its rows are chats.
    """
    entry = data_entry(settings.data) if settings else None
    own = entry.text_template if entry else None
    layout = template_layout(settings, own) if settings else None
    if layout is None:
        return {"form": "chat" if chat or settings is None else "plain"}
    return {"form": "template", "prompt": layout.prompt, "completion": layout.completion}


def prompt_ids(prompt: str | Messages, tokenizer: TextTokenizer) -> list[int]:
    """Return the token ids of a prompt, `(n,)`, as `data.prompt_ids` does with Transformers."""
    if isinstance(prompt, str):
        ids = with_start(tokenizer.encode(prompt.rstrip(" ")), tokenizer.start_ids)
    else:
        ids = tokenizer.chat(prompt)
    if not ids:
        raise DataError("The prompt is empty.", hint="Write at least one word.")
    return ids


def _pieces(found: Sequence[Sequence[Any]]) -> Template:
    return tuple((str(fixed), column) for fixed, column in found)
