"""A data set before training, as blocks: what is off, labels, lengths, how the splits differ."""

from dataclasses import dataclass
from pathlib import Path

from ..data.quality import Balance, Finding, Lengths, Quality
from ..errors import listed
from . import words
from .blocks import Block, Box, Facts, Lines, Picture, Table
from .chart_data import MOST_LABELS, label_bars, length_histogram
from .html import fragment
from .plaintext import draw

SIGNS = {"stop": "✗", "warn": "!", "hint": "·"}
"""Sign of each severity."""


@dataclass(frozen=True)
class DataReport:
    """What was found in a data set; shows itself in a notebook and prints as text."""

    quality: Quality
    """The findings, their numbers and rows."""

    def __str__(self) -> str:
        return "\n\n".join(draw(block) for block in data_blocks(self.quality)) + "\n"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return fragment(data_blocks(self.quality))


def data_blocks(quality: Quality) -> list[Block]:
    """Return the report of a data set, the worst first."""
    blocks: list[Block] = [verdict(quality)]
    if quality.refusal is not None:
        error = quality.refusal
        blocks.append(Box("A run would refuse this data", error.problem, (error.hint,)))
    if not quality.sizes:
        return blocks
    blocks += [_sizes(quality), *_worth_knowing(quality.findings)]
    if quality.balance is not None:
        blocks += _balance(quality.balance)
    if quality.lengths is not None and any(quality.lengths.splits.values()):
        blocks.append(_lengths(quality.lengths))
    blocks += [*_shifts(quality), *_looked_for(quality)]
    return [*blocks, *([Lines("How the rows were read", quality.notes)] if quality.notes else [])]


def length_sentence(lengths: Lengths) -> str:
    """Return the histogram in words: the middle, the longest, what is cut."""
    every = sorted(length for part in lengths.splits.values() for length in part)
    middle, unit = every[(len(every) - 1) // 2], lengths.unit
    said = f"Half the rows have at most {middle} {unit}, the longest {every[-1]}"
    if len(every) < lengths.n_rows:
        said += f" (of {words.count(len(every))} of {words.count(lengths.n_rows)} rows measured)"
    if unit == "words":
        return f"{said}; {lengths.how or 'max_length is in tokens.'}"
    if not lengths.too_long:
        return f"{said}: none is longer than max_length {lengths.max_length}, nothing is cut."
    n = len(lengths.too_long)
    return (
        f"{said}: max_length {lengths.max_length} cuts {n} row{'s' * (n > 1)} "
        f"({words.percent(n / len(every))}) by {words.count(lengths.n_lost)} prompt tokens in all."
    )


def label_sentence(balance: Balance) -> str:
    """Return the bars in words: most and least frequent label, what guessing reaches."""
    train = balance.counts["train"]
    rows = sum(train.values())
    most, least = balance.majority, min(train, key=train.__getitem__)
    spread = (
        f"in training each has {_of(train[most], rows)}"
        if train[most] == train[least]
        else f"in training {most!r} is the most frequent with {_of(train[most], rows)}, {least!r} "
        f"the least frequent with {_of(train[least], rows)}"
    )
    return (
        f"{len(train)} labels: {spread}. Always guessing {most!r} would be right in "
        f"{words.percent(balance.majority_rate)} of the held-out rows."
    )


def _of(n: int, rows: int) -> str:
    return f"{words.count(n)} row{'s' * (n != 1)} ({words.percent(n / rows)})"


def verdict(quality: Quality) -> Lines:
    """Return what stands in the way of a run, if anything does, and what to look at."""
    serious = [f for f in quality.findings if f.severity != "hint"]
    if quality.refusal is not None or any(f.severity == "stop" for f in serious):
        said = "✗ a run would refuse it"
    elif serious:
        said = f"! {len(serious)} thing{'s' * (len(serious) > 1)} to look at"
    else:
        said = "✓ nothing stands in the way"
    items = tuple(_said(finding) for finding in serious)
    if not items and quality.refusal is None:
        items = ("No row is missing a value, stands twice or holds personal data of a known form.",)
    return Lines(f"Data {short(quality.spec.data)}: {said}", items, folded=False)


def _said(finding: Finding) -> str:
    advice = f" → {finding.advice}" if finding.advice else ""
    return f"{SIGNS[finding.severity]} {finding.sentence}{advice}"


def short(data: str) -> str:
    """Return what a data set is called: of a path its last part."""
    return Path(data).name if data.startswith(("/", "~", ".")) else data


def _sizes(quality: Quality) -> Facts:
    sizes = quality.sizes
    total = sum(sizes.values())
    items = [("task", quality.task)]
    items += [
        (f"{s} rows", f"{words.count(n)} ({round(100 * n / total)} %)") for s, n in sizes.items()
    ]
    if quality.balance is not None:
        items.append(("labels", str(len(quality.balance.labels))))
        items.append(("always guessing one", words.percent(quality.balance.majority_rate)))
    if quality.lengths is not None and any(quality.lengths.splits.values()):
        longest = max(max(part) for part in quality.lengths.splits.values() if part)
        items.append(("longest row", f"{words.count(longest)} {quality.lengths.unit}"))
    return Facts("", tuple(items), tiles=True)


def _worth_knowing(findings: tuple[Finding, ...]) -> list[Block]:
    hints = tuple(_said(finding)[2:] for finding in findings if finding.severity == "hint")
    return [Lines("Worth knowing", hints, folded=False)] if hints else []


def _balance(balance: Balance) -> list[Block]:
    said = label_sentence(balance)
    if len(balance.labels) <= MOST_LABELS:
        return [Picture("Labels", said, lambda: label_bars(balance.counts))]
    header = ("label", *balance.counts)
    train = balance.counts["train"]
    order = sorted(balance.labels, key=lambda label: (-train[label], label))
    rows = tuple(
        (label, *(words.count(of[label]) for of in balance.counts.values())) for label in order
    )
    half = MOST_LABELS // 2
    table = Table("Labels: the most and the least frequent", header, rows[:half] + rows[-half:])
    return [table, Lines("Labels in words", (said,), folded=False)]


def _lengths(lengths: Lengths) -> Picture:
    cut = lengths.max_length if lengths.unit == "tokens" else None
    splits = {split: part for split, part in lengths.splits.items() if part}
    return Picture(
        f"Lengths in {lengths.unit}",
        length_sentence(lengths),
        lambda: length_histogram(splits, lengths.unit, cut),
    )


def _shifts(quality: Quality) -> list[Block]:
    if not quality.shifts:
        return []
    items = tuple(f"{shift.split}: {shift.sentence}" for shift in quality.shifts)
    return [Lines("Are the held-out rows like the training rows?", items, folded=False)]


def _looked_for(quality: Quality) -> list[Block]:
    """Return what was looked for and how often it was found: none found is news too."""
    twins = quality.twins
    rows = (
        ("whole rows that repeat another of their split", sum(map(len, twins.within.values()))),
        ("rows with a prompt of another split", sum(map(len, twins.across.values()))),
        ("rows nearly equal to one of another split", sum(map(len, quality.near.values()))),
        ("equal prompts with different completions", len(twins.contradictions)),
        ("rows with personal data of a known form", _n_personal(quality)),
    )
    cells = tuple((what, words.count(n)) for what, n in rows)
    kinds = listed([of.names for of in quality.personal], "and")
    note = f"Personal data: {kinds}." if kinds else ""
    return [Table("Looked for", ("what", "rows"), cells, note=note)]


def _n_personal(quality: Quality) -> int:
    return len({place for of in quality.personal for place in of.places})
