"""Sentence templates of Home Assistant: `turn on [the] {area} (light|lamp)` → utterances.

`[a]` may be left out, `(a|b)` is one of several, `(a;b)` is all in any order, `<rule>` stands for
another template and `{list:slot}` for a value of a list, which fills the slot.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

TOKEN = re.compile(r"[^\[\](){}<>|;]+|\{[^}]*\}|<[^>]*>|.")
CLOSING = {"[": "]", "(": ")"}


class Piece(NamedTuple):
    """A part of an utterance: fixed text, or a value that fills a slot."""

    text: str
    slot: str | None = None
    value: str | int | None = None


@dataclass(frozen=True)
class Text:
    """Fixed text."""

    text: str


@dataclass(frozen=True)
class Slot:
    """A place for a value of a list."""

    values: str
    """Name of the list."""

    slot: str
    """Name of the slot that the value fills."""


@dataclass(frozen=True)
class Rule:
    """A place for another template."""

    name: str


@dataclass(frozen=True)
class Chain:
    """Parts one after the other, or in any order."""

    parts: tuple["Node", ...]
    any_order: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several parts, or none where it is optional."""

    options: tuple["Node", ...]
    optional: bool


Node = Text | Slot | Rule | Chain | Choice

Draw = Callable[[int], int]
"""Gives a number from 0 up to, not including, the one given."""


@dataclass(frozen=True)
class Grammar:
    """What templates refer to."""

    rules: Mapping[str, str]
    """Rule → its template."""

    fill: Callable[[Slot, Draw], list[Piece]]
    """Gives a value for a slot."""


def parse(template: str) -> Node:
    """Return the parts of a template.

    Raises:
        ValueError: A bracket is not closed, or none was opened.
    """
    tokens = TOKEN.findall(template)
    node = _group(tokens, "")
    if tokens:
        raise ValueError(f"the template {template!r} closes a bracket that was not opened")
    return node


def say(node: Node, grammar: Grammar, draw: Draw) -> list[Piece]:
    """Return the pieces of one utterance, its choices drawn."""
    match node:
        case Text(text):
            return [Piece(text)]
        case Slot():
            return grammar.fill(node, draw)
        case Rule(name):
            return say(parse(grammar.rules[name]), grammar, draw)
        case Choice(options, optional):
            if optional and not draw(2):
                return []
            return say(options[draw(len(options))], grammar, draw)
        case Chain(parts, any_order):
            ordered = _in_any_order(parts, draw) if any_order else parts
            return [piece for part in ordered for piece in say(part, grammar, draw)]


def _group(tokens: list[str], closing: str) -> Node:
    """Take tokens up to `closing` and return what they hold."""
    options: list[Node] = []
    parts: list[Node] = []
    any_order = False
    while tokens and tokens[0] != closing and tokens[0] not in "])":
        token = tokens.pop(0)
        if token in "|;":
            options.append(Chain(tuple(parts)))
            parts, any_order = [], any_order or token == ";"
        else:
            parts.append(_part(token, tokens))
    options.append(Chain(tuple(parts)))
    if len(options) == 1:
        return options[0]
    return Chain(tuple(options), any_order=True) if any_order else Choice(tuple(options), False)


def _part(token: str, tokens: list[str]) -> Node:
    if token in CLOSING:
        inside = _group(tokens, CLOSING[token])
        if not tokens or tokens.pop(0) != CLOSING[token]:
            raise ValueError(f"a bracket {token} of a template is not closed")
        return Choice((inside,), optional=True) if token == "[" else inside
    if token.startswith("{"):
        values, _, slot = token[1:-1].partition(":")
        return Slot(values, slot or values)
    return Rule(token[1:-1]) if token.startswith("<") else Text(token)


def _in_any_order(parts: tuple[Node, ...], draw: Draw) -> list[Node]:
    """Return parts in a drawn order, with a blank between them."""
    left, ordered = list(parts), list[Node]()
    while left:
        ordered += [left.pop(draw(len(left))), Text(" ")]
    return ordered[:-1]
