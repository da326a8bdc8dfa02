"""How long rows are, in tokens where the tokenizer is at hand, and what `max_length` cuts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from ...errors import DataError
from ..cuts import cuts_of
from ..examples import Example
from ..prompts import start_ids
from ..row_tokenizer import RowTokenizer
from ..tokens import tokenize
from .findings import Finding, Place, counted, percent
from .material import Material
from .tokenizer import tokenizer_folder

MOST_ROWS = 5_000
"""Rows of a split that are measured; of more, that many at equal distances."""

MUCH = 0.05
"""Share of cut rows from which the cut is worth more than a hint."""

ENDLESS = 2**31
"""Tokens that no row has."""


@dataclass(frozen=True)
class Lengths:
    """Prompt and completion together, row by row."""

    unit: str
    """`tokens`, start and end token included, or `words`."""

    splits: dict[str, tuple[int, ...]]
    """Split → length of each measured row."""

    max_length: int
    """Tokens from which a row is cut."""

    too_long: tuple[Place, ...] = ()
    """Rows that are cut; in words none can be told."""

    n_lost: int = 0
    """Prompt tokens that are cut off, over all of them."""

    n_rows: int = 0
    """Rows in all, measured or not."""

    refusal: DataError | None = None
    """Why the rows cannot be turned into tokens, if they cannot."""

    how: str = ""
    """How to get tokens, where the unit is words."""

    @property
    def n_measured(self) -> int:
        """Measured rows."""
        return sum(map(len, self.splits.values()))


def lengths_of(material: Material) -> Lengths:
    """Return the lengths of the rows, counted by the model's own tokenizer if it is cached."""
    longest, model = material.spec.max_length, material.spec.model
    n_rows = sum(map(len, material.parts.values()))
    rows = {s: part[:: ceil(len(part) / MOST_ROWS)] for s, part in material.parts.items()}
    folder = tokenizer_folder(model)
    if folder is None:
        words = {s: tuple(map(_words, part)) for s, part in rows.items()}
        how = (
            f"The tokenizer of {model} is not on this machine yet, so lengths are in words; "
            f"labkit models --fetch {model} gets it, and the first run with it does."
        )
        return Lengths("words", words, longest, n_rows=n_rows, how=how)
    try:
        return _in_tokens(rows, RowTokenizer(folder), longest, n_rows)
    except DataError as error:
        words = {s: tuple(map(_words, part)) for s, part in rows.items()}
        return Lengths("words", words, longest, n_rows=n_rows, refusal=error)


def length_findings(lengths: Lengths) -> list[Finding]:
    """Return what is cut, and what cannot be turned into tokens at all."""
    found = []
    if lengths.refusal is not None:
        error = lengths.refusal
        found.append(Finding("stop", "length", error.problem, error.hint))
    if lengths.too_long:
        share = len(lengths.too_long) / lengths.n_measured
        longest = max(max(part) for part in lengths.splits.values() if part)
        found.append(
            Finding(
                "warn" if share >= MUCH else "hint", "length",
                f"{counted(len(lengths.too_long), 'row')} ({percent(share)}) "
                f"{'is' if len(lengths.too_long) == 1 else 'are'} longer than max_length "
                f"{lengths.max_length}: {counted(lengths.n_lost, 'prompt token')} would be cut "
                "from the start.",
                f"Set max_length: {longest} to keep all, at the price of memory and time.",
                lengths.too_long,
            )
        )  # fmt: skip
    if lengths.how:
        found.append(Finding("hint", "length", lengths.how))
    return found


def _in_tokens(
    rows: dict[str, tuple[Example, ...]], tokenizer: RowTokenizer, longest: int, n_rows: int
) -> Lengths:
    tokens = {s: tokenize(part, tokenizer, max_length=ENDLESS)[0] for s, part in rows.items()}
    splits = {s: tuple(len(row.input_ids) for row in part) for s, part in tokens.items()}
    over = [
        (Place(split, example.row), length - longest)
        for split, part in rows.items()
        for example, length in zip(part, splits[split], strict=True)
        if length > longest
    ]
    refusal = None
    for split, part in tokens.items():
        prompts = [row.input_ids[: row.n_prompt] for row in part]
        completions = [row.input_ids[row.n_prompt :] for row in part]
        refusal = refusal or _lost(prompts, completions, rows[split], tokenizer, longest)
    lost = sum(cut for _, cut in over)
    places = tuple(place for place, _ in over)
    return Lengths("tokens", splits, longest, places, lost, n_rows, refusal)


def _lost(
    prompts: list[list[int]],
    completions: list[list[int]],
    examples: Sequence[Example],
    tokenizer: RowTokenizer,
    longest: int,
) -> DataError | None:
    """Return the error that a run would end with: a completion does not fit."""
    numbers = [example.row for example in examples]
    try:
        cuts_of(prompts, completions, numbers, start_ids(tokenizer), longest)
    except DataError as error:
        return error
    return None


def _words(example: Example) -> int:
    return len(f"{example.prompt} {example.completion}".split())
