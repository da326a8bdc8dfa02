"""Classify by the likelihood of each label, on an ONNX model."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .cache import Cache
from .onnx_model import OnnxModel

Tokens: TypeAlias = Sequence[int]
Scores = npt.NDArray[np.float64]


def label_scores_onnx(
    model: OnnxModel, prompts: Sequence[Tokens], completions: Sequence[Tokens]
) -> Scores:
    """Return `(rows, labels)`: log-likelihood in nats of each label's tokens after each prompt.

    What all prompts begin with is read once, each prompt's rest once; only labels of more than
    one token are read on top of that, those of equal length side by side.

    Args:
        model: An exported model.
        prompts: Token ids of each row, up to where the label starts.
        completions: Token ids of each label.
    """
    _check(prompts, completions)
    start = shared_start(prompts)
    shared = model.logits(prompts[0][:start])[1] if start else None
    scores = np.empty((len(prompts), len(completions)))
    for row, prompt in enumerate(prompts):
        logits, cache = model.logits(prompt[start:], shared)
        scores[row] = _scores_after(model, log_softmax(logits[-1]), cache, completions)
    return scores


def with_end(completions: Sequence[Tokens], end: int | None) -> list[list[int]]:
    """Return the labels' tokens, the end token added to all if one label begins another."""
    labels = [list(c) for c in completions]
    if not any(a == b[: len(a)] for a in labels for b in labels if a is not b):
        return labels
    if end is None:
        raise DataError(
            "One label's tokens begin another's, and the tokenizer has no end token.",
            hint="Set tokenizer.eos_token, or choose labels that begin differently.",
        )
    return [[*label, end] for label in labels]


def log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return log-probabilities in nats over the last axis."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _scores_after(
    model: OnnxModel, first: npt.NDArray[np.float64], cache: Cache, completions: Sequence[Tokens]
) -> Scores:
    """Return the score of each label, given the distribution of its first token."""
    scores = first[[tokens[0] for tokens in completions]]
    for labels in _by_length(completions):
        tokens = np.array([completions[label] for label in labels])
        branch = cache.repeat(len(labels))
        for read, wanted in pairwise(tokens.T):
            logits, branch = model.logits_of_rows(read[:, None], branch)
            scores[labels] += log_softmax(logits[:, -1])[np.arange(len(labels)), wanted]
    return scores


def _by_length(completions: Sequence[Tokens]) -> Iterator[list[int]]:
    """Yield the labels of more than one token, those of one length together."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for label, tokens in enumerate(completions):
        groups[len(tokens)].append(label)
    return (labels for length, labels in groups.items() if length > 1)


def shared_start(prompts: Sequence[Tokens]) -> int:
    """Return how many tokens all prompts begin with, leaving each at least one of its own."""
    low, high = min(map(list, prompts)), max(map(list, prompts))
    same = (i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    shortest = min(map(len, prompts))
    return min(next(same, shortest), shortest - 1)


def _check(prompts: Sequence[Tokens], completions: Sequence[Tokens]) -> None:
    if not prompts or not completions:
        found = f"{len(prompts)} rows and {len(completions)} labels"
        raise DataError(f"Scoring needs rows and labels; got {found}.", hint="Check the data set.")
    require_tokens("row", prompts)
    require_tokens("label", completions)


def require_tokens(what: str, lists: Sequence[Tokens]) -> None:
    """Refuse a row or a label without a token."""
    empty = next((i for i, tokens in enumerate(lists, start=1) if not len(tokens)), None)
    if empty:
        hint = "Give it at least one token."
        raise DataError(f"Every {what} must have tokens; {what} {empty} is empty.", hint)
