"""How likely is each label after each prompt? As a tree, or plainly, sequence by sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataError
from ..runtime.scoring import with_end
from ..training.virtual_tokens import learns_a_prompt
from . import tree
from .kinds import Model, Note, Progress, Rows, Tokenizer
from .modes import device_of, evaluating

if TYPE_CHECKING:
    import torch


def label_scores(
    model: Model,
    tokenizer: Tokenizer,
    prompts: Rows,
    completions: Rows,
    progress: Progress | None = None,
    note: Note | None = None,
) -> np.ndarray:
    """Return the log-likelihood in nats of each label after each prompt, `(rows, labels)`.

    The tokens that all prompts share are computed once, each prompt once, and label branches only
    where a label has more than one token. One score is checked against its whole sequence; where
    the two differ, or the model keeps no plain keys and values, whole sequences are scored.

    Args:
        model: A causal language model of Transformers, with or without a PEFT adapter.
        tokenizer: A tokenizer, or the number of the token that ends a completion.
        prompts: Token ids of each prompt.
        completions: Token ids of each label, without the end token. It is added to all labels
            when one label's tokens begin another's, as their scores would not compare otherwise.
        progress: Called with (rows done, rows in all).
        note: Called with one sentence when whole sequences had to be scored.
    """
    labels = _checked(prompts, completions, tokenizer)
    report = progress or (lambda done, total: None)
    with evaluating(model):
        reason, trunk = _no_tree(model, prompts, labels)
        if trunk is None:
            (note or (lambda text: None))(f"Labels were scored as whole sequences: {reason}.")
            return _whole(model, prompts, labels, report)
        return _by_tree(model, trunk, prompts, labels, report)


def whole_sequence_scores(
    model: Model,
    tokenizer: Tokenizer,
    prompts: Rows,
    completions: Rows,
    progress: Progress | None = None,
) -> np.ndarray:
    """Return the same scores as `label_scores`, each from its whole sequence: slow and simple."""
    labels = _checked(prompts, completions, tokenizer)
    with evaluating(model):
        return _whole(model, prompts, labels, progress or (lambda done, total: None))


def _checked(prompts: Rows, completions: Rows, tokenizer: Tokenizer) -> list[list[int]]:
    """Return the labels' tokens, after refusing what has no score."""
    for name, rows in (("prompt", prompts), ("label", completions)):
        if not rows:
            raise DataError(f"There is no {name} to score.", hint=f"Give at least one {name}.")
        empty = next((i for i, row in enumerate(rows, 1) if not len(row)), None)
        if empty is not None:
            hint = f"Give every {name} some text."
            raise DataError(f"A {name} must have at least one token; {name} {empty} has 0.", hint)
    end = tokenizer if isinstance(tokenizer, int) else getattr(tokenizer, "eos_token_id", None)
    return with_end(completions, end)


def _no_tree(model: Model, prompts: Rows, labels: Rows) -> tuple[str, tree.Trunk | None]:
    """Return why the tree cannot be used and None, or nothing and the trunk to use."""
    if learns_a_prompt(model):
        return "the adapter puts virtual tokens before every sequence", None
    if not tree.can_repeat(tree.forward(model, [prompts[0][:1]], None, 1)[1]):
        return f"the cache of a {type(model).__name__} cannot be copied by row", None
    trunk = tree.trunk_of(model, prompts)
    if not _agrees(model, trunk, min(prompts, key=len), max(labels, key=len)):
        return "the first score differed from that of its whole sequence", None
    return "", trunk


def _agrees(model: Model, trunk: tree.Trunk, prompt: Sequence[int], label: Sequence[int]) -> bool:
    """Say whether tree and whole sequence give one label the same score, within rounding."""
    quick = tree.tree_scores(model, trunk, [prompt], tree.branch([label])).item()
    plain = _row_scores(model, prompt, [label]).item()
    full = next(model.parameters()).dtype.itemsize >= 4
    return abs(quick - plain) <= (1e-3 if full else 0.05) * max(1.0, abs(plain))


def _by_tree(
    model: Model, trunk: tree.Trunk, prompts: Rows, labels: Rows, progress: Progress
) -> np.ndarray:
    branches, scores, done = tree.branch(labels), np.zeros((len(prompts), len(labels))), 0
    vocab = model.get_output_embeddings().weight.shape[0]
    for rows in tree.batches([len(p) for p in prompts], trunk.length, branches, vocab):
        found = tree.tree_scores(model, trunk, [prompts[i] for i in rows], branches)
        scores[rows] = found.double().cpu().numpy()
        done += len(rows)
        progress(done, len(prompts))
    return scores


def _whole(model: Model, prompts: Rows, labels: Rows, progress: Progress) -> np.ndarray:
    scores = np.zeros((len(prompts), len(labels)))
    for i, prompt in enumerate(prompts):
        scores[i] = _row_scores(model, prompt, labels).double().cpu().numpy()
        progress(i + 1, len(prompts))
    return scores


def _row_scores(model: Model, prompt: Sequence[int], labels: Rows) -> torch.Tensor:
    """Return `(labels,)` scores of one prompt: a sequence for each label, filled up at its end."""
    import torch

    longest = max(map(len, labels))
    filled = [[*label, *[0] * (longest - len(label))] for label in labels]
    ids = torch.tensor([[*prompt, *label] for label in filled], device=device_of(model))
    out = model(input_ids=ids, use_cache=False, logits_to_keep=longest + 1)
    found = out.logits[:, :-1].float().log_softmax(-1)  # (labels, longest, vocabulary)
    found = found.gather(-1, ids[:, -longest:, None])[..., 0]
    real = torch.tensor([[i < len(label) for i in range(longest)] for label in labels])
    scores: torch.Tensor = found.where(real.to(found.device), 0.0).sum(-1)
    return scores
