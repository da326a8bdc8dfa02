"""Text as its tokens arrive: never half a character, and nothing of a text that ends an answer."""

from collections.abc import Callable, Iterable, Iterator, Sequence

Decode = Callable[[list[int]], str]
"""Token ids → text, special tokens left out."""


def pieces(decode: Decode, tokens: Iterable[int]) -> Iterator[str]:
    """Yield text as its tokens arrive, holding back a character whose bytes are not all there.

    Joined, the pieces are the text of all tokens. Each step decodes the tokens since the last
    piece and those of that piece, which tell whether a blank stands between the two.
    """
    said: list[int] = []
    new: list[int] = []
    for token in tokens:
        new.append(token)
        text, before = decode(said + new), len(decode(said))
        if len(text) > before and not text.endswith("\ufffd"):
            yield text[before:]
            said, new = new, []
    if rest := decode(said + new)[len(decode(said)) :]:
        yield rest


def until(texts: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """Yield pieces of text up to the first of the texts `stop`, which is not shown.

    What may still become a stop text is held back, so the borders of the pieces do not matter.
    """
    held = ""
    for text in texts:
        held += text
        if (end := _first(held, stop)) is not None:
            yield from filter(None, [held[:end]])
            return
        ready = len(held) - max((_open(held, one) for one in stop), default=0)
        yield from filter(None, [held[:ready]])
        held = held[ready:]
    yield from filter(None, [held])


def cut(text: str, stop: Sequence[str]) -> str:
    """Return a text up to the first of the texts `stop`."""
    return "".join(until([text], stop))


def _first(text: str, stop: Sequence[str]) -> int | None:
    """Return where the stop text that is complete first begins."""
    found = [(at + len(one), at) for one in stop if (at := text.find(one)) >= 0]
    return min(found)[1] if found else None


def _open(text: str, stop: str) -> int:
    """Return how many of the last characters may be the beginning of a stop text."""
    return next((n for n in range(len(stop) - 1, 0, -1) if text.endswith(stop[:n])), 0)
