"""`inference_model.json`: how Foundry Local names a model and puts a user's words to it."""

from pathlib import Path
from typing import Any

from ...data.prompts import chat_text
from ...data.text_tokenizer import TextTokenizer
from ...errors import DataError
from ...runtime.folder import section
from ...runtime.prompt import PromptForm

FILE = "inference_model.json"

CONTENT = "{Content}"
"""What Foundry Local replaces by the user's words."""


def inference_model(folder: Path, name: str) -> dict[str, Any]:
    """Return what Foundry Local reads of a model: its name and the form of a prompt.

    Args:
        folder: Holds the tokenizer and, in `labkit.json`, the form the model was trained on.
        name: What the model is called there.
    """
    return {"Name": name, "PromptTemplate": {"assistant": CONTENT, "prompt": prompt_of(folder)}}


def prompt_of(folder: Path) -> str:
    """Return the text that a model is asked with, `{Content}` in the user's place.

    A run's own template goes first, for the model was trained on it; else the chat template.
    """
    form = PromptForm.of(section(folder, "prompt"))
    try:
        asked = form.filled(CONTENT)
    except DataError:  # a template with several places, which one text cannot fill
        asked = [{"role": "user", "content": CONTENT}]
    if isinstance(asked, str):
        return asked
    tokenizer = TextTokenizer(folder)
    return chat_text(asked, tokenizer, asks=True) if tokenizer.chat_template else CONTENT
