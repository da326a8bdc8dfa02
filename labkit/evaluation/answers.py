"""One model on rows with a reference text: loss, perplexity, answers and how good they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .generation import generate
from .kinds import Model, Progress, Tokenizer
from .measure import Measure
from .modes import device_of, evaluating
from .rows import TextRows
from .scores import METRICS, score_texts

ANSWERED = 50
"""Most rows that are answered in a fine-tuning; writing costs far more than the loss."""

HEADROOM = 1.25
"""How many times as long as the longest reference an answer may be."""


@dataclass(frozen=True)
class Writing:
    """How answers are written."""

    answered: int | None = ANSWERED
    """Most rows that are answered, the first ones; None for all."""

    max_new_tokens: int | None = None
    """Longest answer, tokens; None for the longest reference and a quarter more."""

    temperature: float = 0.0
    """0 takes the likeliest token each time; above it, tokens are drawn."""

    seed: int = 0
    """Seed of drawn tokens and of the bootstrap."""


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
    """Share of answers equal to the reference, spaces at the ends aside, 0 to 1."""

    interval: tuple[float, float]
    """95 % interval of the share (Wilson)."""

    answers: tuple[str, ...]
    """The answers, for the first `n_answers` rows."""

    references: tuple[str, ...]
    """The references of those rows."""

    prompts: tuple[str, ...]
    """The prompts of those rows, as plain text."""

    metrics: dict[str, Measure]
    """Every metric with its interval, the primary one first."""

    losses: np.ndarray
    """Loss in nats and target tokens of each row, `(rows, 2)`; not in the file."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {key: value for key, value in asdict(self).items() if key != "losses"}


def evaluate_generation(
    model: Model,
    tokenizer: Tokenizer,
    rows: TextRows,
    names: Sequence[str],
    how: Writing = Writing(),
    progress: Progress | None = None,
) -> GenerationEvaluation:
    """Measure the loss on every row, answer the first rows, and score the answers.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer.
        rows: What is asked and what should be answered; at least one row.
        names: Metrics of `METRICS`; `perplexity` is measured in any case.
        how: How answers are written.
        progress: Called with (rows done, rows in all); rows to answer count twice.
    """
    n = len(rows.tokens[: how.answered])
    count, total = progress or (lambda done, of: None), len(rows.tokens) + n
    losses = row_losses(model, rows.tokens, lambda done, _: count(done, total))
    answers = written(
        model, tokenizer, rows.tokens[:n], how, lambda done, _: count(total - n + done, total)
    )
    wanted = tuple(rows.references[:n])
    texts = [name for name in names if name != "perplexity"]
    found = score_texts(answers, wanted, [*dict.fromkeys([*texts, "exact_match"])], seed=how.seed)
    found["perplexity"] = perplexity(losses, seed=how.seed)
    nats, n_tokens = losses.sum(axis=0)
    return GenerationEvaluation(
        n=len(rows.tokens),
        n_tokens=int(n_tokens),
        loss=float(nats / n_tokens),
        perplexity=found["perplexity"].value,
        n_answers=n,
        exact_match=found["exact_match"].value,
        interval=found["exact_match"].interval or (0.0, 1.0),
        answers=tuple(answers),
        references=wanted,
        prompts=tuple(rows.prompts[:n]),
        metrics={name: found[name] for name in dict.fromkeys([*names, "perplexity"])},
        losses=losses,
    )


def written(
    model: Model,
    tokenizer: Tokenizer,
    tokens: Sequence[Any],
    how: Writing,
    progress: Progress | None = None,
) -> list[str]:
    """Return the model's answer to each row's prompt."""
    longest = max(len(row.input_ids) - row.n_prompt for row in tokens)
    return generate(
        model,
        tokenizer,
        [row.input_ids[: row.n_prompt] for row in tokens],
        how.max_new_tokens or math.ceil(HEADROOM * longest),
        temperature=how.temperature,
        seed=how.seed,
        progress=progress,
    )


def perplexity(losses: np.ndarray, *, seed: int = 0) -> Measure:
    """Return the perplexity of `(rows, 2)` nats and tokens; both are told with it."""
    found = METRICS["perplexity"].measure(losses, seed=seed)
    nats, n_tokens = losses.sum(axis=0)
    return replace(found, about=f"{found.about}: {nats:.1f} nats over {n_tokens:.0f} tokens")


def row_losses(model: Model, tokens: Sequence[Any], progress: Progress | None = None) -> np.ndarray:
    """Return the summed loss in nats and the number of target tokens of each row, `(rows, 2)`.

    A row at a time keeps memory below that of training and needs no padding.
    """
    found = np.zeros((len(tokens), 2))
    with evaluating(model):
        for i, row in enumerate(tokens):
            start = max(1, row.n_prompt)  # nothing predicts the first token
            found[i] = row_loss(model, row.input_ids, start), len(row.input_ids) - start
            if progress:
                progress(i + 1, len(tokens))
    return found


def row_loss(model: Model, input_ids: Sequence[int], start: int) -> float:
    """Return the summed loss in nats of a row's tokens from `start`, which is 1 or more."""
    import torch
    from torch.nn.functional import cross_entropy

    ids = torch.tensor([list(input_ids)], device=device_of(model))
    targets = ids[0, start:]
    out = model(input_ids=ids, use_cache=False, logits_to_keep=len(targets) + 1)
    return float(cross_entropy(out.logits[0, :-1].float(), targets, reduction="sum"))
