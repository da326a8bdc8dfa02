"""Texts to calibrate on: the run's own training rows, what the model itself would write, and prose.

Liu et al. 2023, "LLM-QAT: Data-Free Quantization Aware Training for Large Language Models"
(arXiv:2305.17888): a model's own text stands for the text it was trained on.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ...catalog import data_entry
from ...data.row_tokenizer import RowTokenizer

N_OWN_TOKENS = 128
"""Tokens of each text that the model writes."""

N_GROUPS, N_IN_GROUP = 8, 64
"""Training rows are begun in this many groups of this many rows, each group cut at one place."""

N_ROWS_A_STEP, N_OWN_A_STEP = 10, 3
"""Rows, trained on or continued, and other texts that one step of a repair reads."""

PROSE = ("instructions", "glossary")
"""Data sets of labkit in plain English."""

Told: TypeAlias = Callable[[int, int], None]
"""Called with how far it is, and its end."""

Lessons: TypeAlias = Callable[[], Sequence[tuple[Tensor, Tensor]]]
"""Returns the batches of the next step: `(rows, n)` token ids and a mask of those that count."""


@dataclass(frozen=True)
class Texts:
    """Token ids to go by."""

    own: Sequence[Sequence[int]]
    """What the model wrote after a first token drawn at random."""

    continued: Sequence[Sequence[int]]
    """What it wrote after the beginnings of training rows."""

    prose: Sequence[Sequence[int]]
    """What people wrote, see `prose`."""


def lessons(
    rows: Sequence[Sequence[int]], own: Sequence[Sequence[int]], generator: torch.Generator
) -> Lessons:
    """Return what draws the texts of each step: some rows, and some own texts."""

    def draw() -> list[tuple[Tensor, Tensor]]:
        parts = (rows, N_ROWS_A_STEP), (own, N_OWN_A_STEP)
        return [padded(drawn(part, n, generator)) for part, n in parts]

    return draw


def prose(folder: Path) -> list[list[int]]:
    """Return labkit's own English sentences as texts of equal length, in a model's tokens.

    A model's own text never surprises it; what people write does, and there a rounded model is
    furthest off.

    Args:
        folder: The model's, with its tokenizer.
    """
    tokenizer = RowTokenizer(folder)
    rows = [
        " ".join(json.loads(line).values())
        for name in PROSE
        for line in _rows_of(name).read_text(encoding="utf-8").splitlines()
    ]
    random.Random(0).shuffle(rows)
    ids = tokenizer("\n".join(rows), add_special_tokens=False)["input_ids"]
    starts = range(0, len(ids) - N_OWN_TOKENS + 1, N_OWN_TOKENS)
    return [ids[start : start + N_OWN_TOKENS] for start in starts]


def _rows_of(name: str) -> Path:
    entry = data_entry(name)
    assert entry is not None
    return entry.path("train")


def by_length(rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return rows as batches `(rows, n)` of equal length."""
    groups: defaultdict[int, list[Sequence[int]]] = defaultdict(list)
    for row in rows:
        groups[len(row)].append(row)
    return [padded(group)[0] for group in groups.values()]


def drawn(rows: Sequence[Sequence[int]], n: int, generator: torch.Generator) -> list[Sequence[int]]:
    """Return `n` rows drawn at random, or all where there are no more."""
    return [rows[i] for i in torch.randperm(len(rows), generator=generator)[:n].tolist()]


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return rows side by side, `(rows, longest)` token ids, and 1.0 where a token is one's own.

    The padding stands after each row, where causal attention does not look.
    """
    mask = torch.zeros(len(rows), max(map(len, rows)))
    ids = torch.zeros_like(mask, dtype=torch.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.as_tensor(row)
        mask[place, : len(row)] = 1.0
    return ids, mask


def own_texts(
    model: Any,  # noqa: ANN401 - a transformers model
    n_texts: int,
    generator: torch.Generator,
    done: Told = lambda at, end: None,
) -> Tensor:
    """Return `(texts, tokens)` that the model wrote, each after another first token."""
    starts = torch.randint(model.config.vocab_size, (n_texts, 1), generator=generator)
    n_tokens = min(N_OWN_TOKENS, model.config.max_position_embeddings)
    return written(model, starts, n_tokens, generator, done)


def continued(
    model: Any,  # noqa: ANN401 - a transformers model
    rows: Sequence[Sequence[int]],
    generator: torch.Generator,
    done: Told = lambda at, end: None,
) -> list[list[int]]:
    """Return texts like training rows: each is the beginning of one, and what the model adds."""
    found: list[list[int]] = []
    for group in range(N_GROUPS):
        some = sorted(drawn(rows, N_IN_GROUP, generator), key=len)
        shortest, longest = len(some[0]), min(len(some[-1]), N_OWN_TOKENS)
        cut = int(torch.randint(shortest // 3, shortest, (1,), generator=generator)) or 1
        starts = torch.tensor([list(row[:cut]) for row in some])
        found += written(model, starts, max(longest, cut + 1), generator).tolist()
        done(group + 1, N_GROUPS)
    return found


@torch.no_grad()
def written(
    model: Any,  # noqa: ANN401 - a transformers model
    starts: Tensor,
    n_tokens: int,
    generator: torch.Generator,
    done: Told = lambda at, end: None,
) -> Tensor:
    """Return `(texts, n_tokens)`: beginnings `(texts, n)` and what the model draws after them."""
    texts, ids, past = [starts], starts, None
    for at in range(starts.shape[1], n_tokens):
        answer = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
        chances = answer.logits[:, -1].float().softmax(-1)
        ids, past = torch.multinomial(chances, 1, generator=generator), answer.past_key_values
        texts.append(ids)
        done(at + 1, n_tokens)
    return torch.cat(texts, 1)
