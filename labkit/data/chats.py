"""Rows that are chats: a list of turns, the last one by the assistant."""

from collections.abc import Mapping
from typing import Any

from ..errors import DataError
from .examples import Example
from .formats import kind_name
from .tables import Row

FORM = "Write messages as [{'role': 'user', 'content': '…'}, {'role': 'assistant', …}]."


def chat_example(row: Row) -> Example:
    """Return the example of a row with `messages`; the last turn is the completion."""
    turns = row.values.get("messages")
    if not isinstance(turns, list | tuple) or not turns:
        raise DataError(
            f"messages must be a list of turns; {row.name} has {kind_name(turns)}.", hint=FORM
        )
    messages = tuple(_turn(turn, number, row) for number, turn in enumerate(turns, 1))
    if messages[-1]["role"] != "assistant" or len(messages) < 2:
        raise DataError(
            f"A chat must end with the assistant's answer to a turn before it; {row.name} has "
            f"{len(messages)} turns and ends with {messages[-1]['role']!r}.",
            hint="The last assistant turn is what is learned: add it, or delete the row.",
        )
    prompt = "\n".join(f"{turn['role']}: {turn['content']}" for turn in messages[:-1])
    given = max((turn["content"] for turn in messages[:-1]), key=len)
    return Example(prompt, messages[-1]["content"], None, row.number, messages, given)


def _turn(turn: Any, number: int, row: Row) -> dict[str, Any]:  # noqa: ANN401 - from a file
    place = f"turn {number} of messages in {row.name}"
    if not isinstance(turn, Mapping) or not {"role", "content"} <= turn.keys():
        raise DataError(f"Role and content are needed in {place}.", hint=FORM)
    role, content = turn["role"], turn["content"]
    if not isinstance(role, str) or not isinstance(content, str):
        wrong = content if isinstance(role, str) else role
        raise DataError(f"Role and content must be text in {place}; got {kind_name(wrong)}.", FORM)
    if not content.strip():
        raise DataError(f"The content is empty in {place}.", hint="Fill it in or delete the row.")
    return {key: value for key, value in turn.items() if value is not None}
