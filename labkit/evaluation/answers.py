"""One model on rows with a reference text: loss, perplexity, answers that match exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import metrics
from .generation import generate
from .kinds import Model, Progress, Tokenizer
from .modes import device_of, evaluating

ANSWERED = 50
"""Most rows that are answered in full; writing costs far more than the loss."""

MAX_NEW_TOKENS = 128
"""Most tokens of an answer; a longer reference counts as not matched."""


@dataclass(frozen=True)
class GenerationEvaluation:
    """One model on rows with a reference text."""

    n: int
    """Rows the loss was measured on."""

    n_tokens: int
    """Target tokens in them, end tokens included."""

    loss: float
    """Mean loss, nats per target token."""

    perplexity: float
    """exp(loss)."""

    n_answers: int
    """Rows that were answered in full."""

    exact_match: float
    """Share of greedy answers equal to the reference, spaces at the ends aside, 0 to 1."""

    interval: tuple[float, float]
    """95 % interval of the share (Wilson)."""

    answers: tuple[str, ...]
    """The greedy answers, for the first `n_answers` rows."""

    references: tuple[str, ...]
    """The references of those rows."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)


def evaluate_generation(
    model: Model,
    tokenizer: Tokenizer,
    tokens: Sequence[Any],
    references: Sequence[str],
    answered: int = ANSWERED,
    progress: Progress | None = None,
) -> GenerationEvaluation:
    """Measure the loss on every row, and answer the first rows greedily.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer.
        tokens: Rows with `input_ids` and `n_prompt`, as `labkit.data.tokenize` makes them.
        references: The text that should follow each prompt.
        answered: Most rows to answer in full, at least 1.
        progress: Called with (rows done, rows in all) while the loss is measured.
    """
    total, count = total_loss(model, tokens, progress)
    prompts = [row.input_ids[: row.n_prompt] for row in tokens[:answered]]
    longest = max(len(row.input_ids) - row.n_prompt for row in tokens[:answered])
    answers = generate(model, tokenizer, prompts, min(longest, MAX_NEW_TOKENS))
    hits = sum(a.strip() == r.strip() for a, r in zip(answers, references, strict=False))
    return GenerationEvaluation(
        n=len(tokens),
        n_tokens=count,
        loss=total / count,
        perplexity=metrics.perplexity(total / count),
        n_answers=len(answers),
        exact_match=hits / len(answers),
        interval=metrics.wilson(hits, len(answers)),
        answers=tuple(answers),
        references=tuple(references[: len(answers)]),
    )


def total_loss(
    model: Model, tokens: Sequence[Any], progress: Progress | None = None
) -> tuple[float, int]:
    """Return the summed loss in nats and the number of target tokens, row by row.

    A row at a time keeps memory below that of training and needs no padding.
    """
    total, count = 0.0, 0
    with evaluating(model):
        for i, row in enumerate(tokens, 1):
            start = max(1, row.n_prompt)  # nothing predicts the first token
            total += row_loss(model, row.input_ids, start)
            count += len(row.input_ids) - start
            if progress:
                progress(i, len(tokens))
    return total, count


def row_loss(model: Model, input_ids: Sequence[int], start: int) -> float:
    """Return the summed loss in nats of a row's tokens from `start`, which is 1 or more."""
    import torch
    from torch.nn.functional import cross_entropy

    ids = torch.tensor([list(input_ids)], device=device_of(model))
    targets = ids[0, start:]
    out = model(input_ids=ids, use_cache=False, logits_to_keep=len(targets) + 1)
    return float(cross_entropy(out.logits[0, :-1].float(), targets, reduction="sum"))
