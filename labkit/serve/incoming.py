"""A request's body: JSON, not too long, not too slow."""

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import Request

from .refusal import Refusal

MAX_BYTES = 2**20
"""Longest body; the longest prompt that a model of this size reads is a tenth of it."""

SECONDS = 30.0
"""How long a body may take to arrive."""


async def read(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request brought.

    Raises:
        Refusal: It is no JSON object, too long, too slow, or not called JSON. A web page of
            another site can send text unasked, but not what is called JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        hint = "Set the header Content-Type: application/json."
        raise Refusal(f"The body must be application/json; got {kind!r}.", hint, status=415)
    try:
        async with asyncio.timeout(SECONDS):
            return parse(await _bytes(request))
    except TimeoutError:
        rule = f"The body must arrive within {SECONDS:g} seconds"
        raise Refusal(f"{rule}; it did not.", "Send it again.", status=408) from None


async def _bytes(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            rule = f"The body must have at most {MAX_BYTES} bytes; it has more."
            raise Refusal(rule, "Shorten the prompt.", status=413)
    return bytes(body)


def parse(body: bytes) -> dict[str, Any]:
    """Return a JSON object; what cannot be written down again is refused as what cannot be read."""
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair fails here
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        hint = "Send a JSON object in UTF-8."
        raise Refusal(f"The body cannot be read as JSON: {said:.120}.", hint) from error
    if not isinstance(found, dict):
        raise Refusal("The body must be a JSON object; it is another value.", "Send an object.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
