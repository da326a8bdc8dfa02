"""Batches: rows of tokens become the tensors of one forward pass, packed or padded.

Both kinds have the same form and the same loss. The language-model head is computed only at
positions that predict a target, which for a large vocabulary is most of the memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn

from ..data import Tokens, WeightedTokens
from .losses import TargetLoss, cross_entropy
from .packed import causal_mask, layout
from .schedule import EVAL_TARGETS, EVAL_TOKENS

IGNORE_INDEX = -100
"""Label without loss."""

Batch = dict[str, Any]
"""The model's inputs, and `positions` `(t,)` int64 into the flattened batch with the `targets`
`(t,)` int64 they predict and the number of their row in `rows` `(t,)` int64; `weights` `(t,)`
float32 where rows do not count alike; `idle` where none of them is to be learned; `places` of its
rows among all training rows."""

ABOUT_TARGETS = ("positions", "targets", "rows", "weights", "pairs", "apart", "idle", "places")
"""What a batch holds beside the model's inputs."""


LossSum = Callable[[nn.Module, Batch, nn.Module], Tensor]
"""From a model, a batch and the model's head to the summed loss of the batch."""


def inputs_of(batch: Batch) -> Batch:
    """Return what of a batch the model takes."""
    return {name: value for name, value in batch.items() if name not in ABOUT_TARGETS}


def n_targets(row: Tokens) -> int:
    """Return the number of target tokens of a row; a first token has nothing to predict it."""
    return len(row.input_ids) - max(row.n_prompt, 1)


def pack(rows: Sequence[Tokens], *, share_prefix: bool = True) -> Batch:
    """Return the packed batch of `rows`: one flat sequence, a common prompt prefix once.

    A row's last token is a target only: it predicts nothing, so no layer needs to see it.
    """
    prefix = common_prefix(rows) if share_prefix else 0
    tails = [row.input_ids[prefix:-1] for row in rows]
    packed = layout([len(tail) for tail in tails], prefix)
    ids = rows[0].input_ids[:prefix] + [token for tail in tails for token in tail]
    places = [*range(prefix), *(p for row in rows for p in range(prefix, len(row.input_ids) - 1))]
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([places]),
        "attention_mask": causal_mask(packed),
        "packed_layout": packed,
        **_targets(rows, _packed_starts(rows, prefix), prefix),
    }


def common_prefix(rows: Sequence[Tokens]) -> int:
    """Return how many tokens begin every row's prompt; a row always keeps one of its own."""
    if len(rows) == 1:
        return 0
    longest = min(min(row.n_prompt, len(row.input_ids) - 2) for row in rows)
    first = rows[0].input_ids
    same = (all(row.input_ids[i] == first[i] for row in rows) for i in range(longest))
    return sum(takewhile(bool, same))


def pad(rows: Sequence[Tokens], *, pad_token_id: int = 0) -> Batch:
    """Return the padded batch of `rows`, `(rows, longest)`, padded at the end."""
    longest = max(len(row.input_ids) for row in rows)
    ids = torch.full((len(rows), longest), pad_token_id)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row.input_ids)] = torch.tensor(row.input_ids)
        mask[i, : len(row.input_ids)] = 1
    starts = [i * longest for i in range(len(rows))]
    return {"input_ids": ids, "attention_mask": mask, **_targets(rows, starts, 0)}


def plain(rows: Sequence[Tokens], *, pad_token_id: int = 0) -> Batch:
    """Return the batch that any Transformers model takes: padded, with `labels`."""
    batch = pad(rows, pad_token_id=pad_token_id)
    labels = torch.full_like(batch["input_ids"], IGNORE_INDEX)
    for i, row in enumerate(rows):
        labels[i, row.n_prompt : len(row.input_ids)] = torch.tensor(row.input_ids[row.n_prompt :])
    return {k: batch[k] for k in ("input_ids", "attention_mask")} | {"labels": labels}


def _packed_starts(rows: Sequence[Tokens], prefix: int) -> list[int]:
    """Return where position 0 of each row would lie, were the prefix its own."""
    starts, end = [], prefix
    for row in rows:
        starts.append(end - prefix)
        end += len(row.input_ids) - 1 - prefix
    return starts


def _targets(rows: Sequence[Tokens], starts: list[int], prefix: int) -> Batch:
    """Return the positions that predict a target, and the targets: `t - 1` predicts token `t`."""
    positions, targets, numbers = [], [], []
    for number, (row, start) in enumerate(zip(rows, starts, strict=True)):
        first = max(row.n_prompt, 1)
        targets += row.input_ids[first:]
        before = range(first - 1, len(row.input_ids) - 1)
        positions += [t if t < prefix else start + t for t in before]
        numbers += [number] * len(before)
    values = {"positions": positions, "targets": targets, "rows": numbers}
    return {name: torch.tensor(value) for name, value in values.items()} | _weights(rows)


def _weights(rows: Sequence[Tokens]) -> Batch:
    if not isinstance(rows[0], WeightedTokens):
        return {}
    each = [weight_of(row) for row in rows for _ in range(n_targets(row))]
    return {"weights": torch.tensor(each)}


def weight_of(row: Tokens) -> float:
    """Return how much each target of a row counts."""
    return row.weight if isinstance(row, WeightedTokens) else 1.0


def n_items(batch: Batch) -> float:
    """Return what a batch's summed loss is divided by: its pairs, or its targets as they count."""
    if "idle" in batch:
        return 0.0
    if "pairs" in batch:
        return float(batch["pairs"])
    return float(batch["weights"].sum()) if "weights" in batch else batch["targets"].numel()


def loss_sum(
    model: nn.Module, batch: Batch, head: nn.Module, of: TargetLoss = cross_entropy
) -> Tensor:
    """Return the summed loss of a batch's targets, in nats.

    Args:
        model: Called as a whole, so that what wraps it (autocast, DDP, hooks) applies.
        batch: From `pack` or `pad`.
        head: The model's `get_output_embeddings()`.
        of: What is computed of the logits; left out, cross-entropy.
    """
    return of(target_logits(model, batch, head), batch)


def target_logits(model: nn.Module, batch: Batch, head: nn.Module) -> Tensor:
    """Return the logits that predict a batch's targets, `(t, vocabulary)` float32."""
    with _only(head, batch["positions"], batch["input_ids"].shape[1]):
        logits: Tensor = model(**inputs_of(batch), use_cache=False).logits[0]
    return logits.float()


@contextmanager
def _only(head: nn.Module, positions: Tensor, length: int) -> Iterator[None]:
    """Let the head see the hidden states at `positions` alone: `(1, t, hidden)`.

    `positions` count tokens of rows of `length`; a trained prompt stands before each row.
    """

    def select(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        virtual = args[0].shape[1] - length
        chosen = positions + virtual * (positions // length + 1) if virtual else positions
        return args[0].flatten(0, -2).index_select(0, chosen.to(args[0].device))[None], *args[1:]

    handle = head.register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    """Return the batch with everything in it on `device`."""
    return {name: value.to(device) for name, value in batch.items()}


def collator(
    packing: str, *, share_prefix: bool, pad_token_id: int
) -> Callable[[Sequence[Tokens]], Batch]:
    """Return the function that makes a batch of rows, `packed` or `padded`."""
    if packing == "packed":
        return partial(pack, share_prefix=share_prefix)
    return partial(pad, pad_token_id=pad_token_id)


def for_evaluation(rows: Sequence[Tokens]) -> Iterator[list[Tokens]]:
    """Cut rows into batches of limited size, rows of similar length together."""
    batch: list[Tokens] = []
    for row in sorted(rows, key=lambda row: len(row.input_ids)):
        grown = [*batch, row]
        n_tokens = sum(len(r.input_ids) for r in grown)
        if batch and (n_tokens > EVAL_TOKENS or sum(map(n_targets, grown)) > EVAL_TARGETS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
