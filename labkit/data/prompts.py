"""Text and chats → token ids, the same way for training and for answering."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import DataError

Tokenizer = Any
"""A `transformers` tokenizer; the package is not imported here."""

Messages = Sequence[Mapping[str, Any]]


def prompt_ids(prompt: str | Messages, tokenizer: Tokenizer) -> list[int]:
    """Return the token ids of a prompt, `(length,)`.

    Args:
        prompt: Text, used as it stands but for blanks at its end; or a chat's turns, rendered
            by the tokenizer's chat template up to where the assistant answers.
        tokenizer: The model's tokenizer.
    """
    if isinstance(prompt, str):
        ids = text_ids([prompt.rstrip(" ")], tokenizer)[0]
        ids = with_start(ids, start_ids(tokenizer))
    else:
        ids = text_ids([chat_text(prompt, tokenizer, asks=True)], tokenizer)[0]
    if not ids:
        raise DataError("The prompt is empty.", hint="Write at least one word.")
    return ids


def text_ids(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
    """Return the token ids of each text; nothing is added or cut."""
    if not texts:
        return []
    ids: list[list[int]] = tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False
    )["input_ids"]
    return ids


def start_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the start token that the tokenizer puts before every text, or nothing."""
    bos = tokenizer.bos_token_id
    adds = bos is not None and tokenizer("a")["input_ids"][:1] == [bos]
    return [bos] if adds and text_ids(["a"], tokenizer)[0][:1] != [bos] else []


def with_start(ids: list[int], start: list[int]) -> list[int]:
    """Return `ids` with the start token in front, exactly once."""
    return ids if ids[:1] == start else start + ids


def chat_text(messages: Messages, tokenizer: Tokenizer, *, asks: bool) -> str:
    """Return a chat as the model's template writes it.

    Args:
        messages: The turns.
        tokenizer: The model's tokenizer.
        asks: Whether the text ends where the assistant's answer begins.
    """
    from jinja2.exceptions import TemplateError

    if not getattr(tokenizer, "chat_template", None):
        raise DataError(
            "The rows are chats, and this model has no chat template.",
            hint="Use a chat model (…-Instruct), or set text_template.",
        )
    turns = [dict(turn) for turn in messages]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=asks)
    except TemplateError as error:
        roles = ", ".join(str(turn.get("role")) for turn in turns)
        raise DataError(
            f"The model's chat template refuses a chat with the roles {roles}: {error}.",
            hint="Many templates want user and assistant in turn, some no system turn.",
        ) from error
    return str(text)
