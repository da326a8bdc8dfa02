"""Texts to calibrate on: the run's own training rows, and what the model itself would write.

Liu et al. 2023, "LLM-QAT: Data-Free Quantization Aware Training for Large Language Models"
(arXiv:2305.17888): a model's own text stands for the text it was trained on.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

N_OWN, N_OWN_TOKENS = 32, 128
"""Texts that the model writes, and the tokens of each."""

N_ROWS = 48
"""Training rows that are read."""


def calibration(model: Any, rows: Sequence[Sequence[int]], seed: int) -> list[Tensor]:  # noqa: ANN401
    """Return batches `(rows, n)` of token ids: training rows drawn at random, and own texts.

    Args:
        model: Causal language model in float32.
        rows: Token ids of the training rows.
        seed: Of the drawing and of the writing.
    """
    generator = torch.Generator().manual_seed(seed)
    picked = torch.randperm(len(rows), generator=generator)[:N_ROWS].tolist()
    own = own_texts(model, generator)
    return [*_by_length([rows[i] for i in picked]), *torch.tensor_split(own, 4)]


@torch.inference_mode()
def own_texts(model: Any, generator: torch.Generator) -> Tensor:  # noqa: ANN401 - transformers
    """Return `(texts, tokens)` that the model wrote, each after another first token."""
    size = model.config.vocab_size
    ids = torch.randint(size, (N_OWN, 1), generator=generator)
    texts, past = [ids], None
    for _ in range(min(N_OWN_TOKENS, model.config.max_position_embeddings) - 1):
        answer = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
        chances = answer.logits[:, -1].float().softmax(-1)
        ids, past = torch.multinomial(chances, 1, generator=generator), answer.past_key_values
        texts.append(ids)
    return torch.cat(texts, 1)


def _by_length(rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return rows of equal length side by side."""
    groups: defaultdict[int, list[Sequence[int]]] = defaultdict(list)
    for row in rows:
        groups[len(row)].append(row)
    return [torch.tensor([list(row) for row in group]) for group in groups.values()]
