"""Nearly equal texts on two sides of a split, by the Jaccard index of their parts, exactly.

Texts with a Jaccard index of at least t share one of their rarest parts: of n parts, one among the
n - ceil(t n) + 1 rarest (Bayardo, Ma and Srikant 2007, "Scaling up all pairs similarity search").
So only texts that share one are compared, and none that is near is missed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import ceil
from typing import NamedTuple

from ..examples import Example
from ..layouts import Layout
from ..split import identity
from .findings import Finding, Place, counted, verb
from .material import Material
from .twins import Pair

NEAR = 0.7
"""Jaccard index from which two texts count as nearly equal."""

LONG = 40
"""Words from which texts are compared by three words in a row, not by five characters."""

MOST_ROWS = 20_000
"""Rows of a split that are compared; of more, that many at equal distances."""

MOST_COMPARED = 100
"""Texts that one text is compared with: those that share its rarest parts."""

Parts = frozenset[str]


class Match(NamedTuple):
    """A text and the one on the other side that is most like it."""

    one: int
    other: int
    likeness: float


def parts_of(text: str, *, by_words: bool) -> Parts:
    """Return three words in a row, or five characters in a row, of a text in small letters."""
    words = re.findall(r"\w+", text.casefold())
    if by_words:
        rows = zip(words, words[1:], words[2:], strict=False)
        return frozenset(map(" ".join, rows)) or frozenset([" ".join(words)])
    flat = " ".join(words)
    return frozenset(flat[at : at + 5] for at in range(max(1, len(flat) - 4)))


def jaccard(one: Parts, other: Parts) -> float:
    """Return the size of the intersection over that of the union, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def matches(first: Sequence[Parts], second: Sequence[Parts], least: float) -> list[Match]:
    """Return for each text of `second` the most alike one of `first`, if it is alike enough.

    Args:
        first: Parts of each text of one side.
        second: Parts of each text of the other side.
        least: Smallest Jaccard index, above 0.
    """
    both = frozenset().union(*first) & frozenset().union(*second)
    frequency = Counter(part for parts in (*first, *second) for part in parts & both)
    holders: dict[str, list[int]] = defaultdict(list)
    for index, parts in enumerate(first):
        for part in _rarest(parts, frequency, least):
            holders[part].append(index)
    found = []
    for index, parts in enumerate(second):
        likely = _likely(_rarest(parts, frequency, least), holders)
        best = max(((jaccard(first[i], parts), -i) for i in likely), default=(0.0, 0))
        if best[0] >= least:
            found.append(Match(-best[1], index, best[0]))
    return found


def _likely(rarest: Sequence[str], holders: Mapping[str, Sequence[int]]) -> list[int]:
    """Return the texts that share a rare part, the rarest first, until there are too many."""
    shared: Counter[int] = Counter()
    for part in rarest:
        shared.update(holders.get(part, ()))
        if len(shared) >= MOST_COMPARED:
            break
    return [i for i, _ in shared.most_common(MOST_COMPARED)]


def near_pairs(material: Material) -> dict[tuple[str, str], tuple[Pair, ...]]:
    """Return for two splits the rows of the second that are nearly a row of the first."""
    spaced = {split: _spaced(part) for split, part in material.parts.items()}
    texts = {s: [filled(e, material.layout) for e in part] for s, part in spaced.items()}
    lengths = sorted(len(text.split()) for of in texts.values() for text in of)
    by_words = bool(lengths) and lengths[len(lengths) // 2] >= LONG
    parts = {s: [parts_of(text, by_words=by_words) for text in of] for s, of in texts.items()}
    found = {}
    for one, other in combinations(spaced, 2):
        pairs = tuple(
            Pair(Place(one, first.row), Place(other, second.row), likeness)
            for i, j, likeness in matches(parts[one], parts[other], NEAR)
            if identity(first := spaced[one][i]) != identity(second := spaced[other][j])
        )
        if pairs:
            found[one, other] = pairs
    return found


def near_findings(near: dict[tuple[str, str], tuple[Pair, ...]]) -> list[Finding]:
    """Return a finding for two splits that share nearly equal rows."""
    return [_finding(one, other, pairs) for (one, other), pairs in near.items()]


def _finding(one: str, other: str, pairs: tuple[Pair, ...]) -> Finding:
    n, most = len(pairs), max(pairs, key=lambda pair: pair.likeness)
    return Finding(
        "warn",
        "near-duplicates",
        f"{counted(n, 'row')} of {other} {verb(n, 'is', 'are')} nearly a row of {one} (Jaccard "
        f"index at least {NEAR}): most of all row {most.other.row}, as row {most.one.row} of {one} "
        f"({most.likeness:.2f}).",
        "Keep rows that belong together on one side: set group_by, or delete one of each pair.",
        tuple(pair.other for pair in pairs),
    )


def filled(example: Example, layout: Layout) -> str:
    """Return a prompt without the template's fixed text, which makes all rows alike."""
    if layout.chat:
        return example.given
    text = example.prompt
    for fixed, _ in layout.prompt:
        text = text.replace(fixed.strip() or "\0", " ", 1)
    return text if text.strip() else example.completion


def _spaced(part: tuple[Example, ...]) -> tuple[Example, ...]:
    return part[:: ceil(len(part) / MOST_ROWS)]


def _rarest(parts: Parts, frequency: Counter[str], least: float) -> list[str]:
    """Return those of the rarest parts that stand on both sides; the rest can be no match's."""
    # 1e-9: 0.7 * 10 is 7.000000000000001 to some, and its ceiling must be 7.
    n_rarest = len(parts) - ceil(least * len(parts) - 1e-9) + 1
    shared = frequency.keys() & parts
    n = n_rarest - (len(parts) - len(shared))  # what stands on one side only is rarest of all
    return sorted(shared, key=lambda part: (frequency[part], part))[: max(0, n)]
