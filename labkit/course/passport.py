"""A short text that carries progress to another machine."""

import base64
import hashlib
import json
import zlib
from typing import Any

from ..errors import SpecError
from .progress import read_progress, write_progress

HEAD = "labkit1."


def passport() -> str:
    """Return progress as one word of text, to be kept and pasted elsewhere."""
    packed = zlib.compress(json.dumps(read_progress(), sort_keys=True).encode(), 9)
    return HEAD + _sum(packed) + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def restore(token: str) -> int:
    """Take progress from a passport; return how many exercises it holds.

    What was passed here stays passed.

    Raises:
        SpecError: The text is no passport, or not whole.
    """
    found = _read(token.strip())
    here = read_progress()
    for number, one in found["exercises"].items():
        if here["exercises"].get(number, {}).get("outcome") != "pass":
            here["exercises"][number] = one
    here["predictions"] = {**found["predictions"], **here["predictions"]}
    write_progress(here)
    return len(found["exercises"])


def _read(token: str) -> dict[str, Any]:
    body = token.removeprefix(HEAD)
    try:
        packed = base64.urlsafe_b64decode(body[8:] + "=" * (-len(body[8:]) % 4))
        if not token.startswith(HEAD) or body[:8] != _sum(packed):
            raise ValueError
        size = zlib.decompressobj()
        found = json.loads(size.decompress(packed, 1_000_000))
        return {"exercises": dict(found["exercises"]), "predictions": dict(found["predictions"])}
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise SpecError(
            f"This is no whole passport: {token[:24]!r}… with {len(token)} characters.",
            hint="Copy all of what %lab passport shows, from labkit1. to the end.",
        ) from error


def _sum(packed: bytes) -> str:
    return hashlib.sha256(packed).hexdigest()[:8]
