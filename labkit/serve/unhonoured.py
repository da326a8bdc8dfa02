"""Fields of OpenAI's API that would change the answer and are not honoured here.

Leaving them out of account would give an answer that was not asked for, so they are refused; a
value that asks for nothing is let pass, because clients send it unasked.
"""

import json
from typing import Any

from .fields import Body, refuse

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "echo": (False,),
    "suffix": ("",),
    "logit_bias": ({},),
    "frequency_penalty": (0, 0.0),
    "presence_penalty": (0, 0.0),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
"""The values of each that ask for nothing."""


def refuse_unhonoured(body: Body) -> None:
    """Raise where a request asks for what this server does not do."""
    for name, neutral in NEUTRAL.items():
        value = body.get(name)
        if value is not None and not any(_is_same(value, one) for one in neutral):
            raise refuse(name, f"{json.dumps(neutral[0])}, or left out, with this server", value)


def _is_same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other  # True is not 1 here
