"""Whether held-out rows are like the training rows: labels, lengths, words."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

from ..examples import Example
from .balance import Balance
from .findings import Finding, percent
from .lengths import Lengths
from .material import Material

SURE = 0.01
"""p-value below which a difference is hardly chance."""

FAR_LABELS, FAR_LENGTHS, FAR_WORDS = 0.10, 0.20, 0.10
"""Differences that matter: total variation, Kolmogorov-Smirnov, share of words; each 0 to 1."""

MOST_ROWS = 5_000
"""Rows of a split whose words are compared."""


@dataclass(frozen=True)
class Shift:
    """One difference between the training rows and a held-out split."""

    split: str
    about: str
    """`labels`, `lengths` or `words`."""

    distance: float
    """How far: total variation, Kolmogorov-Smirnov distance, share of new word types; 0 to 1."""

    p_value: float | None
    """Chance of such a distance between parts drawn at random; None where none was computed."""

    matters: bool
    sentence: str


def shifts_of(material: Material, balance: Balance | None, lengths: Lengths) -> tuple[Shift, ...]:
    """Return the differences of each held-out split from the training rows."""
    train = material.parts.get("train", ())
    others = [split for split in material.parts if split != "train"]
    found = []
    for split in others if train else ():
        if balance is not None:
            found.append(label_shift(split, balance.counts["train"], balance.counts[split]))
        found.append(
            length_shift(split, lengths.splits["train"], lengths.splits[split], lengths.unit)
        )
        found.append(word_shift(split, train, material.parts[split]))
    return tuple(found)


def label_shift(split: str, train: Mapping[str, int], other: Mapping[str, int]) -> Shift:
    """Return how far the label shares are apart, with the p-value of the chi-square test."""
    n, m = sum(train.values()), sum(other.values())
    gaps = {label: other[label] / m - train[label] / n for label in train}
    distance = sum(map(abs, gaps.values())) / 2
    p_value = chi_square_p(list(train.values()), list(other.values()))
    matters = distance > FAR_LABELS and p_value < SURE
    label = max(gaps, key=lambda name: abs(gaps[name]))
    said = (
        f"most for {label!r}: {percent(train[label] / n)} in training, {percent(other[label] / m)} "
        "there; this matters: accuracy on it is not that of rows like the training rows"
        if matters
        else "no more than chance or too little to matter"
    )
    sentence = (
        f"Label shares differ by {percent(distance)} in all (chi-square p {_p(p_value)}): {said}."
    )
    return Shift(split, "labels", distance, p_value, matters, sentence)


def length_shift(split: str, train: Sequence[int], other: Sequence[int], unit: str) -> Shift:
    """Return the Kolmogorov-Smirnov distance of the lengths, with its asymptotic p-value."""
    distance = ks_distance(train, other)
    p_value = ks_p(distance, len(train), len(other))
    matters = distance > FAR_LENGTHS and p_value < SURE
    said = "this matters: the rows are of another kind" if matters else "too little to matter"
    sentence = (
        f"Half the rows have more than {_median(other)} {unit}, in training {_median(train)} "
        f"(Kolmogorov–Smirnov distance {distance:.2f}, p {_p(p_value)}): {said}."
    )
    return Shift(split, "lengths", distance, p_value, matters, sentence)


def word_shift(split: str, train: Sequence[Example], other: Sequence[Example]) -> Shift:
    """Return the share of word types that training lacks, beside that of random training rows."""
    known, asked = _spaced(train), _spaced(other)
    share = unseen_share(known, asked)
    usual = _usual_share(known, len(asked))
    matters = share - usual > FAR_WORDS
    said = "this matters: it is about other things" if matters else "that is as expected"
    sentence = (
        f"{percent(share)} of its different words are in no training row; of as many training rows "
        f"drawn at random {percent(usual)} would be in no other: {said}."
    )
    return Shift(split, "words", share, None, matters, sentence)


def shift_findings(shifts: tuple[Shift, ...]) -> list[Finding]:
    """Return the differences that matter."""
    return [_finding(shift) for shift in shifts if shift.matters]


def _finding(shift: Shift) -> Finding:
    sentence = f"{shift.split}: {shift.sentence}"
    if shift.about == "words":  # so it is wherever whole documents are kept apart, as they should
        advice = "Right where whole documents are kept apart (group_by); else mix the rows."
        return Finding("hint", "splits", sentence, advice)
    advice = "Draw both sides from the same rows: leave the splits to eval_share, or mix them."
    return Finding("warn", "splits", sentence, advice)


def chi_square_p(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the p-value that two rows of counts come from the same shares (Pearson)."""
    from scipy.special import chdtrc

    n, m = sum(one), sum(other)
    columns = [(a, b) for a, b in zip(one, other, strict=True) if a + b]
    expected = [((a + b) * n / (n + m), (a + b) * m / (n + m)) for a, b in columns]
    statistic = sum(
        (a - x) ** 2 / x + (b - y) ** 2 / y
        for (a, b), (x, y) in zip(columns, expected, strict=True)
    )
    return float(chdtrc(len(columns) - 1, statistic)) if len(columns) > 1 else 1.0


def ks_distance(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the largest difference between two distribution functions, 0 to 1."""
    a, b = sorted(one), sorted(other)
    points = set(a) | set(b)
    return max(abs(bisect_right(a, x) / len(a) - bisect_right(b, x) / len(b)) for x in points)


def ks_p(distance: float, n: int, m: int) -> float:
    """Return Kolmogorov's limit of the chance of such a distance between n and m rows."""
    from scipy.special import kolmogorov

    return float(kolmogorov(distance * sqrt(n * m / (n + m))))


def unseen_share(known: Sequence[Example], asked: Sequence[Example]) -> float:
    """Return the share of word types of `asked` that stand in no row of `known`, 0 to 1."""
    types = {word for example in asked for word in _types(example)}
    seen = {word for example in known for word in _types(example)}
    return len(types - seen) / max(1, len(types))


def _usual_share(examples: Sequence[Example], n: int) -> float:
    """Return the share of new types in random parts of `n` rows against all other rows."""
    n = min(n, len(examples) // 2)
    types = [_types(example) for example in examples]
    rows = Counter(word for words in types for word in words)
    shares = []
    for seed in range(5):
        drawn = Random(seed).sample(range(len(examples)), n)
        part = Counter(word for at in drawn for word in types[at])
        shares.append(sum(rows[word] == count for word, count in part.items()) / max(1, len(part)))
    return sum(shares) / len(shares)


def _types(example: Example) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", f"{example.prompt} {example.completion}".casefold()))


def _spaced(part: Sequence[Example]) -> Sequence[Example]:
    return part[:: -(-len(part) // MOST_ROWS)]


def _median(lengths: Sequence[int]) -> int:
    return sorted(lengths)[(len(lengths) - 1) // 2]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
