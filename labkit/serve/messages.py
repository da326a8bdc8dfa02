"""The turns of a chat, as OpenAI's clients write them."""

from typing import Any

from .fields import refuse

Message = dict[str, str]

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Roles a chat template knows, by the names that clients use."""


def messages_of(value: object) -> list[Message]:
    """Return a chat's turns with role and content as text."""
    if not isinstance(value, list) or not value:
        raise refuse("messages", "a list of one turn or more", value)
    return [_message(f"messages[{place}]", turn) for place, turn in enumerate(value)]


def _message(name: str, turn: object) -> Message:
    if not isinstance(turn, dict):
        raise refuse(name, "an object with role and content", turn)
    role = turn.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise refuse(f"{name}.role", "system, user or assistant", role)
    return {"role": ROLES[role], "content": _content(f"{name}.content", turn.get("content"))}


def _content(name: str, value: object) -> str:
    """Return a turn's text, which may come in parts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise refuse(name, "a text, or a list of parts of the type text", value)
    return "".join(_part(f"{name}[{place}]", part) for place, part in enumerate(value))


def _part(name: str, part: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(part, dict) or part.get("type") != "text":
        raise refuse(name, "a part of the type text", part)
    if not isinstance(part.get("text"), str):
        raise refuse(f"{name}.text", "a text", part.get("text"))
    return str(part["text"])
