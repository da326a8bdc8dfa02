"""Labels after prompts as one tree: a shared trunk, a bough for each prompt, label branches on it.

Rows of one batch have prompts of one length, so nothing is padded, no mask is needed, and any
attention (sliding windows too) sees the same positions as in a whole sequence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from .kinds import Cache, Model, Rows
from .modes import device_of

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 512
"""Most prompt tokens in one forward pass; more is no faster on a CPU."""

CACHE_TOKENS = 4096
"""Most cached tokens over the rows and label branches of one batch."""

HEAD_VALUES = 16_000_000
"""Most logits held at once (64 MB in fp32)."""


@dataclass(frozen=True)
class Branches:
    """Where each label's tokens are read off."""

    first: list[int]
    """First token of each label; it is predicted by the end of the prompt."""

    paths: list[list[int]]
    """Token paths walked after the prompt, `(paths, depth)`, filled up with 0."""

    reads: list[tuple[int, int, int, int]]
    """Later tokens as (label, path, depth, token): predicted by `paths[path][depth]`."""

    @property
    def depth(self) -> int:
        """Tokens of the longest path."""
        return len(self.paths[0]) if self.paths else 0


def branch(labels: Rows) -> Branches:
    """Lay the labels out as paths; one that runs along another needs none of its own."""
    stems = {tuple(label[:-1]) for label in labels if len(label) > 1}
    tips = sorted(s for s in stems if not any(s == t[: len(s)] and s != t for t in stems))
    depth = max(map(len, tips), default=0)
    reads = [
        (
            i,
            next(p for p, tip in enumerate(tips) if tip[: len(label) - 1] == tuple(label[:-1])),
            d,
            t,
        )
        for i, label in enumerate(labels)
        for d, t in enumerate(label[1:])
    ]
    paths = [[*tip, *[0] * (depth - len(tip))] for tip in tips]
    return Branches([label[0] for label in labels], paths, reads)


@dataclass(frozen=True)
class Trunk:
    """The tokens that all prompts begin with, and the model's cache after them."""

    length: int
    """Shared tokens; every prompt has at least one more."""

    cache: Cache
    """A Transformers cache for one row; None when nothing is shared."""

    def grow(self, rows: int) -> Cache:
        """Return a copy of the cache for so many rows."""
        grown = copy.deepcopy(self.cache)
        if grown is not None:
            grown.batch_repeat_interleave(rows)
        return grown


def trunk_of(model: Model, prompts: Rows) -> Trunk:
    """Compute the longest common beginning of the prompts once."""
    length = shared_length(prompts)
    if not length:
        return Trunk(0, None)
    return Trunk(length, forward(model, [prompts[0][:length]], None, 1)[1])


def shared_length(prompts: Rows) -> int:
    """Count the tokens all prompts begin with, leaving each at least one of its own."""
    ordered = sorted(map(list, prompts))  # as words in a dictionary
    low, high = ordered[0], ordered[-1]  # what these two share, all share
    limit = min(map(len, prompts)) - 1
    return next((i for i in range(limit) if low[i] != high[i]), limit)


def forward(model: Model, rows: Rows, cache: Cache, keep: int) -> tuple[torch.Tensor, Cache]:
    """Run rows of equal length on a cache; return logits `(rows, keep, vocabulary)` and cache."""
    import torch

    ids = torch.tensor([list(row) for row in rows], device=device_of(model))
    out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=keep)
    return out.logits.float(), out.past_key_values


def can_repeat(cache: Cache) -> bool:
    """Say whether every layer of the cache holds plain keys and values, to be copied by row."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    return all(
        type(layer) in (DynamicLayer, DynamicSlidingWindowLayer)
        for layer in getattr(cache, "layers", [None])
    )


def batches(lengths: Sequence[int], trunk: int, tree: Branches, vocab: int) -> Iterator[list[int]]:
    """Yield row numbers of equal prompt length, as many as fit the limits above."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    for length, group in groupby(order, key=lambda i: lengths[i]):
        rows, size = list(group), batch_size(length, trunk, tree, vocab)
        yield from (rows[i : i + size] for i in range(0, len(rows), size))


def batch_size(length: int, trunk: int, tree: Branches, vocab: int) -> int:
    """Return how many prompts of this length (tokens) are scored at once."""
    paths = max(1, len(tree.paths))
    by_tokens = BATCH_TOKENS // (length - trunk)
    by_cache = CACHE_TOKENS // (length * paths)
    by_head = HEAD_VALUES // (vocab * paths * max(1, tree.depth))
    return max(1, min(by_tokens, by_cache, by_head))


def tree_scores(model: Model, trunk: Trunk, prompts: Rows, tree: Branches) -> torch.Tensor:
    """Return `(rows, labels)` log-likelihoods in nats for prompts of one length."""
    ends = [prompt[trunk.length :] for prompt in prompts]
    logits, cache = forward(model, ends, trunk.grow(len(ends)), 1)
    logits = logits[:, -1]  # (rows, vocabulary)
    scores = logits[:, tree.first] - logits.logsumexp(-1, keepdim=True)
    return scores + later_scores(model, cache, tree, scores) if tree.paths else scores


def later_scores(model: Model, cache: Cache, tree: Branches, like: torch.Tensor) -> torch.Tensor:
    """Return what the labels' second and later tokens add, `(rows, labels)` in nats."""
    import torch

    rows, count, depth = len(like), len(tree.paths), tree.depth
    cache.batch_repeat_interleave(count)
    logits, _ = forward(model, tree.paths * rows, cache, depth)
    logits = logits.view(rows, count, depth, -1)
    label, path, at, token = (list(column) for column in zip(*tree.reads, strict=True))
    picked = logits[:, path, at, token] - logits.logsumexp(-1)[:, path, at]
    index = torch.tensor(label, device=like.device)
    return torch.zeros_like(like).index_add_(1, index, picked)
