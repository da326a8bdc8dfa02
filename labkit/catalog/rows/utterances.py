"""One sentence template → what people say, and what is meant by it."""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from typing import Any, NamedTuple

from . import grammar
from .grammar import Draw, Grammar, Piece

TRIES = 40
"""Draws from one template before it is given up."""

THINGS = "light|lamp|spot|fan|switch|lock|door|window|gate|shutter|blind|awning|curtain|shade"

UNCLEAN = re.compile(
    r"\b(?:the|my) (?:the|my|all|any|some|every|[A-Z]\w+\b(?! tree))|\b(\w+) \1\b|1/2"
    r"|[}] (?:the|my) "
    rf"|(?:^(?:which|what)(?! is)|\b(?:all|any|some|many|are))\b.*\b(?:{THINGS})\b(?! door)"
    rf"|\bevery\b.*\b(?:{THINGS})s\b|\b(?:light|lamp|spot)s? (?:light|lamp)s?\b"
    r"|^are (?!any|some|all)|^is (?:any|some|all)\b|^(?:which|what|how many)\b.* is\b"
)
"""What the templates allow and nobody says: "all my lamp", "are desk lamp on", "the Anna"."""

UNITS = re.compile(r"(\d+|half|an?)[ -](hour|minute|second|degree)s?\b( timer)?")


@dataclass(frozen=True)
class Template:
    """A sentence template with what its block says of it."""

    text: str
    intent: str
    block: str
    """Templates of one block mean the same."""

    slots: Mapping[str, str]
    """Slots that the template fills without saying them."""

    domains: tuple[str, ...]
    """Kinds of devices that a `{name}` may name."""


class Utterance(NamedTuple):
    """What a person says, and what is meant."""

    text: str
    skeleton: str
    """The text with the names of slots in place of their values."""

    slots: Mapping[str, str | int]


def utterances(
    template: Template, source: Mapping[str, Any], owners: dict[str, str]
) -> Iterator[Utterance]:
    """Yield different utterances of a template that no other template gives.

    Args:
        template: The template; what is drawn depends on its text alone.
        source: The package's sentences of one language.
        owners: Text or skeleton → the template that gave it first; added to.
    """
    numbers = random.Random(template.text)

    def draw(n: int) -> int:
        return int(numbers.random() * n)

    rules = grammar.Grammar(
        {**source["expansion_rules"], **home()["rules"]},
        lambda slot, draw: value_of(slot, draw, source["lists"], template.domains),
    )
    node, texts = grammar.parse(template.text), set[str]()
    for _ in range(TRIES):
        said = utterance_of(grammar.say(node, rules, draw))
        if said.text in texts or not _is_clean(said):
            continue
        if all(owners.setdefault(form, template.text) == template.text for form in said[:2]):
            texts.add(said.text)
            yield said


def utterance_of(pieces: Sequence[Piece]) -> Utterance:
    """Return the utterance that pieces make, numbers and units as people write them."""
    spoken = {piece.slot: piece.value for piece in pieces if piece.slot and piece.value is not None}
    skeleton = "".join(f"{{{p.slot}}}" if p.slot else p.text for p in pieces)
    plain = re.sub(r"[ -](hour|minute|second)s?\b", r" \1", skeleton)
    text = UNITS.sub(_unit, _evenly("".join(piece.text for piece in pieces)))
    return Utterance(re.sub(r" (?=[%°])", "", text), _evenly(plain), spoken)


def value_of(
    slot: grammar.Slot, draw: Draw, lists: Mapping[str, Any], domains: Sequence[str]
) -> list[Piece]:
    """Return a value for a place: of our home, a number of a range, or a word of the source."""
    ours = home()["values"].get(slot.values)
    if slot.values == "name":
        ours = [name for domain in domains for name in home()["names"][domain]]
    if ours:
        value = ours[draw(len(ours))]
        return [Piece(value, slot.slot, value)]
    known = lists[slot.values]
    if "range" in known:
        number = _number(home()["ranges"].get(slot.values), known["range"], draw)
        return [Piece(str(number), slot.slot, number * known["range"].get("multiplier", 1))]
    word = known["values"][draw(len(known["values"]))]
    said = grammar.say(grammar.parse(word["in"]), Grammar({}, lambda *_: []), draw)
    return [Piece("".join(piece.text for piece in said), slot.slot, word["out"])]


@cache
def home() -> dict[str, Any]:
    """Return the home that the utterances are about."""
    return tomllib.loads((resources(__package__) / "home.toml").read_text(encoding="utf-8"))


def _number(ours: Sequence[int] | None, theirs: Mapping[str, int], draw: Draw) -> int:
    first, last = ours or (theirs["from"], theirs["to"])
    step = theirs.get("step", 1)
    return first + step * draw((last - first) // step + 1)


def _unit(match: re.Match[str]) -> str:
    number, unit, timer = match.groups()
    if timer:
        return match[0].replace(f"{unit}s", unit)
    return f"{number} {unit}" if number in ("1", "a", "an") else f"{number} {unit}s"


def _evenly(text: str) -> str:
    return " ".join(text.split())


def _is_clean(said: Utterance) -> bool:
    """Tell whether people say it, and whether it says more than its values."""
    words = re.findall(r"[a-z']+", re.sub(r"\{\w+\}", " ", said.skeleton))
    tells = any(word not in ("the", "my", "in", "to", "on", "floor") for word in words)
    return tells and not UNCLEAN.search(said.text) and not UNCLEAN.search(said.skeleton)
