"""What a request asks for: the fields of OpenAI's API that are honoured, checked."""

import secrets
from dataclasses import dataclass

from .fields import Body, number, refuse, text, texts, truth, whole
from .messages import Message, messages_of
from .unhonoured import refuse_unhonoured

ONLY_THE_LIKELIEST = 1e-9
"""What `top_p: 0` means, which some clients send: no token but the likeliest has a share."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request for an answer."""

    model: str
    """Name of the model that is to answer."""

    prompt: str | list[Message]
    """Text to go on with as it stands, or a chat's turns."""

    max_tokens: int | None
    """Longest answer, in tokens; None for as long as the model can read."""

    temperature: float
    """0 takes the likeliest token each time."""

    top_p: float
    """Draw among the likeliest tokens that together have this probability."""

    stop: tuple[str, ...]
    """Texts that end the answer; they are not part of it."""

    seed: int
    """Seed of the drawing, from 0 to 2**32 - 1."""

    stream: bool
    """Whether the answer comes piece by piece."""

    include_usage: bool
    """Whether a stream ends with the count of tokens."""


def chat_ask(body: Body) -> Ask:
    """Read a request to `/v1/chat/completions`."""
    longest = whole(body, "max_completion_tokens") or whole(body, "max_tokens")
    return _ask(body, messages_of(body.get("messages")), longest)


def text_ask(body: Body) -> Ask:
    """Read a request to `/v1/completions`, whose prompt is used as it stands."""
    prompt = body.get("prompt")
    one = prompt[0] if isinstance(prompt, list) and len(prompt) == 1 else prompt
    if not isinstance(one, str):
        raise refuse("prompt", "a text, or a list of one text", prompt)
    return _ask(body, one, whole(body, "max_tokens") or 16)  # OpenAI's default here


def _ask(body: Body, prompt: str | list[Message], max_tokens: int | None) -> Ask:
    refuse_unhonoured(body)
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise refuse("stream_options", "an object", options)
    seed = whole(body, "seed", at_least=-(2**63))
    return Ask(
        model=text(body, "model"),
        prompt=prompt,
        max_tokens=max_tokens,
        temperature=number(body, "temperature", 0.0, at_most=2),
        top_p=number(body, "top_p", 1.0, at_most=1) or ONLY_THE_LIKELIEST,
        stop=texts(body, "stop", at_most=4),
        seed=secrets.randbits(32) if seed is None else seed % 2**32,
        stream=truth(body, "stream"),
        include_usage=truth(options, "include_usage"),
    )
