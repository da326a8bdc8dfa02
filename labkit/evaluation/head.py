"""Classification by a head: its outputs are the labels, so a row is one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .classify import Evaluation, summarise
from .kinds import Model, Progress, Rows
from .modes import device_of, evaluating
from .rows import LabelRows

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 2048
"""Most tokens of one forward pass, padding included."""


UNCORRECTED = (
    "Scores of a classification head are not corrected by a prior: it has learned its own."
)


def evaluate_head(
    model: Model,
    rows: LabelRows,
    outputs: Sequence[str] = (),
    *,
    prior: Sequence[int] | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Evaluation:
    """Answer every prompt with the label of the head's highest output and count.

    Args:
        model: A causal language model whose output layer has one output a label.
        rows: Prompts, labels and right answers.
        outputs: The labels in the order of the head's outputs; left out, that of `rows`.
        prior: As for `evaluate_classification`; it is not used, and that is said.
        progress: Called with (rows done, rows in all).
        seed: Seed of the bootstrap.
    """
    labels, notes = tuple(rows.completions), [] if prior is None else [UNCORRECTED]
    columns = [list(outputs or labels).index(label) for label in labels]
    scores = head_scores(model, rows.prompts, progress)[:, columns]
    return summarise(scores, labels, rows.gold, notes, seed=seed)


def head_scores(
    model: Model, prompts: Rows, progress: Progress | None = None, batch_tokens: int = BATCH_TOKENS
) -> np.ndarray:
    """Return the log-probability in nats of each label after each prompt, `(rows, n_labels)`.

    Args:
        model: A causal language model whose output layer has one output a label.
        prompts: Token ids of each row; the last one is read.
        progress: Called with (rows done, rows in all).
        batch_tokens: Most tokens of one forward pass, padding included.
    """
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    found, done = [], 0
    with evaluating(model):
        while done < len(order):
            size = max(1, batch_tokens // len(prompts[order[done]]))
            batch = [prompts[i] for i in order[done : done + size]]
            found.append(_last_scores(model, batch).double().cpu().numpy())
            done += len(batch)
            if progress:
                progress(done, len(order))
    back = np.argsort(order)
    scores: np.ndarray = np.concatenate(found)[back]
    return scores


def _last_scores(model: Model, rows: Rows) -> torch.Tensor:
    """Return `(rows, n_labels)` log-probabilities at the end of each row, padded after it."""
    import torch

    device, longest = device_of(model), max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows], device=device)
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    last = torch.tensor([len(row) - 1 for row in rows], device=device)
    return torch.log_softmax(logits[torch.arange(len(rows), device=device), last].float(), -1)
