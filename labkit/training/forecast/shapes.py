"""Rows as lengths, and the passes that a run cuts them into; no torch."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ...data import PairTokens, Tokens
from ...spec import FinetuneSpec
from ..schedule import EVAL_TARGETS, EVAL_TOKENS, micro_batch

LOOKED_AT = 400
"""Passes that are drawn to find the usual and the largest one."""

PROMPTS = ("prompt_tuning", "prefix_tuning")
"""Methods whose rows cannot be packed."""


@dataclass(frozen=True)
class Rows:
    """How long the rows of a run are, in tokens."""

    train: tuple[tuple[int, int], ...]
    """Tokens of each training row, and how many of them are its prompt."""

    prefix: int
    """Tokens that begin every prompt."""

    validation: tuple[int, ...]
    """Tokens of each validation row."""

    held_out: tuple[int, ...]
    """Tokens of each row of the final comparison."""

    @classmethod
    def of(cls, tokens: Mapping[str, Sequence[Tokens]]) -> "Rows":
        """Return the lengths of the splits `train`, `validation` and `test`."""
        prompts = [row.input_ids[: row.n_prompt] for row in tokens["train"]]
        sizes = {name: tuple(_size(row)[0] for row in part) for name, part in tokens.items()}
        return cls(
            train=tuple(map(_size, tokens["train"])),
            prefix=_alike(min(prompts), max(prompts)),  # what these share, all between do
            validation=sizes["validation"],
            held_out=sizes["test"] or sizes["validation"],
        )

    def cut(self, most: int) -> "Rows":
        """Return the rows where none has more than `most` tokens; prompts lose them."""
        if max(length for length, _ in self.train) <= most:
            return self
        train = tuple((min(n, most), p - max(0, n - most)) for n, p in self.train)
        others = [tuple(min(n, most) for n in part) for part in (self.validation, self.held_out)]
        return Rows(train, 0, *others)


@dataclass(frozen=True)
class Pass:
    """Size of one forward and backward pass."""

    tokens: float
    """Tokens that the layers see."""

    targets: float
    """Tokens with a loss."""


def passes(rows: Rows, spec: FinetuneSpec) -> tuple[Pass, Pass]:
    """Return the mean and the largest pass of a run, rows drawn at random as in training."""
    drawn = [_pass(rows, chosen, spec) for chosen in _drawn(rows, spec)]
    mean = Pass(
        sum(one.tokens for one in drawn) / len(drawn),
        sum(one.targets for one in drawn) / len(drawn),
    )
    return mean, Pass(max(one.tokens for one in drawn), max(one.targets for one in drawn))


def looked_at(rows: Rows) -> Pass:
    """Return the largest pass of a validation or of the final comparison."""
    tokens = max(sum(rows.validation), sum(rows.held_out))
    return Pass(min(tokens, EVAL_TOKENS), min(tokens, EVAL_TARGETS))


def shared(rows: Rows, spec: FinetuneSpec, count: int) -> int:
    """Return the tokens of a common beginning that a pass of `count` rows computes once."""
    is_shared = count > 1 and is_packed(spec) and not spec.lora_dropout
    return rows.prefix if is_shared else 0


def is_packed(spec: FinetuneSpec) -> bool:
    """Tell whether rows will lie one after another, as far as the settings say."""
    return spec.packing != "padded" and spec.method not in PROMPTS


def _size(row: Tokens) -> tuple[int, int]:
    """Return the tokens of a row and those of its prompt; of a pair, those of both sides."""
    if not isinstance(row, PairTokens):
        return len(row.input_ids), row.n_prompt
    tokens = len(row.input_ids) + len(row.other.input_ids)
    return tokens, row.n_prompt + row.other.n_prompt


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(takewhile(bool, (a == b for a, b in pairs)))


def _pass(rows: Rows, chosen: Sequence[tuple[int, int]], spec: FinetuneSpec) -> Pass:
    targets = len(chosen) if spec.head else sum(n - p for n, p in chosen)
    if not is_packed(spec):
        longest = max(n for n, _ in chosen) + (spec.num_virtual_tokens or 0)
        return Pass(longest * len(chosen), targets)
    prefix = shared(rows, spec, len(chosen))
    return Pass(prefix + sum(n - 1 - prefix for n, _ in chosen), targets)


def _drawn(rows: Rows, spec: FinetuneSpec) -> Iterator[list[tuple[int, int]]]:
    source, size = random.Random(0), min(micro_batch(spec), len(rows.train))
    for _ in range(LOOKED_AT):
        yield source.sample(rows.train, size)
