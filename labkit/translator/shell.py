"""A pasted block of shell: its commands as words, without running any of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import SpecError

ENDS = ("&&", "||", ";", "\n")
"""What ends a command."""

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One command of a block."""

    words: tuple[str, ...]
    """Its words as a shell would hand them over."""

    said: str
    """As it was written, continuation lines included."""

    comment: str = ""
    """The comment behind it."""


def read_block(text: str) -> list[Line]:
    """Return the commands of a block of bash; variables that it sets are put in.

    Raises:
        SpecError: A quote is not closed, a variable is not set, or words go through a pipe.
    """
    variables: dict[str, str] = {}
    found = []
    for said, raw, comment in _commands(text):
        words = [_expanded(parts, variables) for parts in raw]
        while words and (match := ASSIGNMENT.fullmatch(words[0])):
            variables[match[1]] = match[2]
            words = words[1:]
        if words and words[0] == "export":
            pairs = (ASSIGNMENT.fullmatch(word) for word in words[1:])
            variables |= {pair[1]: pair[2] for pair in pairs if pair}
            continue
        if words:
            found.append(Line(tuple(words), said.strip(), comment))
    return found


Part = tuple[str, bool]
"""A piece of a word, and whether variables in it are put in."""


def _commands(text: str) -> Iterator[tuple[str, list[list[Part]], str]]:
    """Yield each command as it was written, its words in pieces, and its comment."""
    text = text.replace("\r\n", "\n") + "\n"
    at = 0
    while at < len(text):
        start, (words, comment, at) = at, _command(text, at)
        yield text[start:at].removesuffix("\n"), words, comment
        at += len(next(end for end in ENDS if text.startswith(end, at)))


def _command(text: str, at: int) -> tuple[list[list[Part]], str, int]:
    """Return the words of the command that begins here, its comment, and where it ends."""
    words: list[list[Part]] = []
    comment, is_open = "", False
    while not text.startswith(ENDS, at):
        if text.startswith("\\\n", at):
            at, is_open = at + 2, False
        elif text[at] in " \t":
            at, is_open = at + 1, False
        elif text[at] == "#" and not is_open:
            stop = text.index("\n", at)
            comment, at = text[at + 1 : stop].strip(), stop
        else:
            part, at = _piece(text, at)
            words = words if is_open else [*words, []]
            words[-1].append(part)
            is_open = True
    return words, comment, at


def _piece(text: str, at: int) -> tuple[Part, int]:
    """Return the piece of a word that begins here, and where it ends."""
    mark = text[at]
    if mark in "|<>&":
        raise SpecError(
            f"A command's words cannot go through {mark!r} here: {_around(text, at)!r}.",
            hint="Leave it out; what a run prints is kept in its log.txt.",
        )
    if mark in "'\"":
        stop = at + 1
        while stop < len(text) and text[stop] != mark:
            stop += 2 if mark == '"' and text[stop] == "\\" else 1
        if stop >= len(text):
            raise SpecError(
                f"A quote is not closed: {_around(text, at)!r}.", hint=f"Close it with {mark}."
            )
        inner = text[at + 1 : stop]
        if mark == "'":
            return (inner, False), stop + 1
        return (re.sub(r'\\([$`"\\]|\n)', _unescaped, inner), True), stop + 1
    if mark == "\\":
        return (text[at + 1], False), at + 2
    stop = at
    while text[stop] not in " \t\n;|&<>'\"\\":
        stop += 1
    return (text[at:stop], True), stop


def _unescaped(match: "re.Match[str]") -> str:
    return "" if match[1] == "\n" else match[1]


def _expanded(parts: list[Part], variables: Mapping[str, str]) -> str:
    def value(match: "re.Match[str]") -> str:
        name = match[1] or match[2]
        if name not in variables:
            raise SpecError(
                f"The variable ${name} is not set in this block.",
                hint=f"Write {name}=… in a line before, or its value in its place.",
            )
        return variables[name]

    return "".join(VARIABLE.sub(value, text) if puts_in else text for text, puts_in in parts)


def _around(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    return text[start : text.index("\n", at)].strip()[:80]
