"""Texts to calibrate on: the run's own training rows, and what the model itself would write.

Liu et al. 2023, "LLM-QAT: Data-Free Quantization Aware Training for Large Language Models"
(arXiv:2305.17888): a model's own text stands for the text it was trained on.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

N_OWN_TOKENS = 128
"""Tokens of each text that the model writes."""

Lessons: TypeAlias = Callable[[], Sequence[tuple[Tensor, Tensor]]]
"""Returns the batches of the next step: `(rows, n)` token ids and a mask of those that count."""


def lessons(rows: Sequence[Sequence[int]], own: Tensor, seed: int) -> Lessons:
    """Return what draws the texts of each step: some training rows, and some own texts."""
    generator = torch.Generator().manual_seed(seed)

    def draw() -> list[tuple[Tensor, Tensor]]:
        return [padded(drawn(list(part), n, generator)) for part, n in ((rows, 8), (own, 3))]

    return draw


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


@torch.no_grad()
def own_texts(model: Any, n_texts: int, seed: int) -> Tensor:  # noqa: ANN401 - transformers
    """Return `(texts, tokens)` that the model wrote, each after another first token."""
    size, generator = model.config.vocab_size, torch.Generator().manual_seed(seed)
    ids = torch.randint(size, (n_texts, 1), generator=generator)
    texts, past = [ids], None
    for _ in range(min(N_OWN_TOKENS, model.config.max_position_embeddings) - 1):
        answer = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
        chances = answer.logits[:, -1].float().softmax(-1)
        ids, past = torch.multinomial(chances, 1, generator=generator), answer.past_key_values
        texts.append(ids)
    return torch.cat(texts, 1)
