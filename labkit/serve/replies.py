"""The objects that OpenAI's clients read: completions, their chunks, the list of models."""

import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Reply = dict[str, Any]


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer, counted with the model's own tokenizer."""

    prompt: int
    """Tokens that were read."""

    completion: int
    """Tokens that were written; the one that ends the answer is not among them."""

    def reply(self) -> Reply:
        """Return the counts under OpenAI's names."""
        total = self.prompt + self.completion
        counts = {"prompt_tokens": self.prompt, "completion_tokens": self.completion}
        return counts | {"total_tokens": total}


@dataclass(frozen=True)
class Head:
    """What all objects of one answer have in common."""

    model: str
    """Name of the model that answers."""

    is_chat: bool
    """Whether a chat's turn is answered, or a text is gone on with."""

    created: int = field(default_factory=lambda: int(time.time()))
    """Seconds since 1970."""

    name: str = field(default_factory=lambda: secrets.token_hex(12))
    """Names the answer."""

    def whole(self, text: str, finish_reason: str, usage: Usage) -> Reply:
        """Return a whole answer."""
        message = {"role": "assistant", "content": text, "refusal": None}
        said = {"message": message} if self.is_chat else {"text": text}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason}
        return self._object("") | {"choices": [choice], "usage": usage.reply()}

    def opening(self) -> Reply:
        """Return the first chunk of a streamed chat, which says who speaks."""
        return self._chunk({"delta": {"role": "assistant", "content": ""}}, None)

    def piece(self, text: str) -> Reply:
        """Return the chunk of one more piece of text."""
        return self._chunk({"delta": {"content": text}} if self.is_chat else {"text": text}, None)

    def closing(self, finish_reason: str) -> Reply:
        """Return the last chunk of the answer."""
        return self._chunk({"delta": {}} if self.is_chat else {"text": ""}, finish_reason)

    def counted(self, usage: Usage) -> Reply:
        """Return the chunk that has the counts, and no text."""
        return self._object(".chunk") | {"choices": [], "usage": usage.reply()}

    def _chunk(self, said: Reply, finish_reason: str | None) -> Reply:
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason}
        return self._object(".chunk") | {"choices": [choice]}

    def _object(self, chunk: str) -> Reply:
        name = f"chatcmpl-{self.name}" if self.is_chat else f"cmpl-{self.name}"
        kind = f"chat.completion{chunk}" if self.is_chat else "text_completion"
        return {"id": name, "object": kind, "created": self.created, "model": self.model}


def model_card(name: str, created: int) -> Reply:
    """Return what is said of one model."""
    return {"id": name, "object": "model", "created": created, "owned_by": "labkit"}


def model_list(names: Iterable[str], created: int) -> Reply:
    """Return what `/v1/models` says."""
    return {"object": "list", "data": [model_card(name, created) for name in names]}


def event(reply: Reply) -> str:
    """Return an object as one server-sent event."""
    return f"data: {json.dumps(reply, ensure_ascii=False)}\n\n"


DONE = "data: [DONE]\n\n"
"""The event that ends a stream."""
