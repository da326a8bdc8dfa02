"""Rows that stand twice: the same question in two splits, whole rows in one, two answers to one."""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from ..examples import Example
from ..split import identity
from .findings import Finding, Place, counted, named, verb
from .material import Material


class Pair(NamedTuple):
    """Two rows that are alike."""

    one: Place
    other: Place
    likeness: float = 1.0
    """Jaccard index of their parts, 0 to 1."""


@dataclass(frozen=True)
class Twins:
    """Rows that are exactly alike."""

    within: dict[str, tuple[Pair, ...]]
    """Split → rows whose prompt and completion repeat an earlier row of it."""

    across: dict[tuple[str, str], tuple[Pair, ...]]
    """Two splits → rows of the second whose prompt stands in the first."""

    contradictions: tuple[Pair, ...]
    """Rows of one split with the prompt of an earlier one and another completion."""


def twins_of(material: Material) -> Twins:
    """Return the rows that stand twice, each with the first row that it repeats."""
    parts = material.parts
    return Twins(
        within={s: pairs for s, part in parts.items() if (pairs := _repeats(s, part))},
        across={
            (one, other): pairs
            for one, other in combinations(parts, 2)
            if (pairs := _shared(one, parts[one], other, parts[other]))
        },
        contradictions=tuple(p for s, part in parts.items() for p in _contradictions(s, part)),
    )


def twin_findings(twins: Twins) -> list[Finding]:
    """Return what is wrong with rows that stand twice."""
    found = [_leak(one, other, pairs) for (one, other), pairs in twins.across.items()]
    found += [_repeat(split, pairs) for split, pairs in twins.within.items()]
    return found + ([_contradiction(twins.contradictions)] if twins.contradictions else [])


def _repeats(split: str, part: tuple[Example, ...]) -> tuple[Pair, ...]:
    first: dict[tuple[str, str], int] = {}
    keys = [(identity(example), example.completion) for example in part]
    return tuple(
        Pair(Place(split, part[first[key]].row), Place(split, example.row))
        for at, (key, example) in enumerate(zip(keys, part, strict=True))
        if first.setdefault(key, at) != at
    )


def _shared(
    one: str, first: tuple[Example, ...], other: str, second: tuple[Example, ...]
) -> tuple[Pair, ...]:
    rows = {identity(example): example.row for example in reversed(first)}
    return tuple(
        Pair(Place(one, rows[identity(example)]), Place(other, example.row))
        for example in second
        if identity(example) in rows
    )


def _contradictions(split: str, part: tuple[Example, ...]) -> list[Pair]:
    first: dict[str, Example] = {}
    return [
        Pair(Place(split, first[example.prompt].row), Place(split, example.row))
        for example in part
        if example.prompt.strip()
        and first.setdefault(example.prompt, example).completion != example.completion
    ]


def _leak(one: str, other: str, pairs: tuple[Pair, ...]) -> Finding:
    n = len(pairs)
    first = pairs[0]
    return Finding(
        "stop",
        "duplicates",
        f"{counted(n, 'row')} of {other} {verb(n, 'has', 'have')} a prompt that stands in {one} "
        f"too, such as row {first.other.row} (as row {first.one.row} of {one}).",
        f"Delete {verb(n, 'it', 'them')} from one side: a model that has seen the question is "
        "not measured by it.",
        tuple(pair.other for pair in pairs),
    )


def _repeat(split: str, pairs: tuple[Pair, ...]) -> Finding:
    n = len(pairs)
    return Finding(
        "warn",
        "duplicates",
        f"{counted(n, 'row')} of {split} {verb(n, 'repeats', 'repeat')} an earlier row whole: "
        f"{named(p.other for p in pairs)}.",
        "Delete the repeats, or keep them where they should weigh more.",
        tuple(pair.other for pair in pairs),
    )


def _contradiction(pairs: tuple[Pair, ...]) -> Finding:
    n = len(pairs)
    first = pairs[0]
    return Finding(
        "warn",
        "contradictions",
        f"{counted(n, 'row')} {verb(n, 'has', 'have')} the prompt of an earlier row and another "
        f"completion, such as rows {first.one.row} and {first.other.row} of {first.one.where}.",
        "Decide which answer is right; where both are, the model can only guess.",
        tuple(pair.other for pair in pairs),
    )
