"""The packed attention: rows lie one after another in a flat sequence, a shared prompt once.

A flat sequence of `n` tokens holds the rows' common beginning (`prefix` tokens) and then the rest
of each row. All linear layers see exactly these tokens; only attention, which mixes tokens of a
row, sees the rows side by side. The `Layout` travels with the batch through the model's keyword
arguments, so nothing here has state, and a call without a layout is the model's own `sdpa`.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "labkit_packed"
"""Name of the attention, as given to `model.set_attn_implementation`."""


@dataclass(frozen=True)
class Layout:
    """Where the rows of a batch lie in its flat sequence."""

    prefix: int
    """Tokens at the start of the flat sequence that begin every row."""

    rows: int
    """Rows in the batch."""

    slots: Tensor
    """`(rows * longest,)` int64: the token after the prefix that each slot of the side-by-side
    rows shows; slots past a row's end repeat its first token and are never read back."""

    tokens: Tensor
    """`(n - prefix,)` int64: the slot in which each token after the prefix is shown."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Layout":
        """Return the layout with its tensors on `device`."""
        slots = self.slots.to(device, non_blocking=non_blocking)
        return replace(self, slots=slots, tokens=self.tokens.to(device, non_blocking=non_blocking))


def layout(lengths: list[int], prefix: int) -> Layout:
    """Return the layout of rows with `lengths` tokens each after `prefix` common ones."""
    longest = max(lengths)
    slots = torch.empty(len(lengths), longest, dtype=torch.long)
    tokens = []
    start = 0
    for row, length in enumerate(lengths):
        slots[row] = start
        slots[row, :length] = torch.arange(start, start + length)
        tokens.append(torch.arange(row * longest, row * longest + length))
        start += length
    return Layout(prefix, len(lengths), slots.flatten(), torch.cat(tokens))


def causal_mask(layout: Layout) -> Tensor:
    """Return the mask of the side-by-side rows, `(1, 1, longest, prefix + longest)` bool."""
    longest = len(layout.slots) // layout.rows
    seen = torch.ones(longest, layout.prefix + longest, dtype=torch.bool)
    return seen.tril(layout.prefix)[None, None]


class _SideBySide(torch.autograd.Function):
    """Show flat tokens `(n, ...)` as rows `(rows, longest, ...)`.

    The gradient of a slot past a row's end is dropped, and each token has one slot, so that the
    backward pass is a plain copy: faster than that of indexing, and always in the same order.
    """

    @staticmethod
    def forward(ctx: Any, flat: Tensor, layout: Layout) -> Tensor:  # noqa: ANN401 - autograd's
        ctx.layout = layout
        shape = (layout.rows, -1, *flat.shape[1:])
        return flat.index_select(0, layout.slots).view(shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 - autograd's
        return grad.flatten(0, 1).index_select(0, ctx.layout.tokens), None


class _Flat(torch.autograd.Function):
    """Show rows `(rows, longest, ...)` as flat tokens `(n, ...)`: the way back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Layout) -> Tensor:  # noqa: ANN401 - autograd's
        ctx.layout, ctx.shape = layout, rows.shape
        return rows.flatten(0, 1).index_select(0, layout.tokens)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 - autograd's
        rows = grad.new_zeros(ctx.shape).flatten(0, 1)
        return rows.index_copy_(0, ctx.layout.tokens, grad).view(ctx.shape), None


def _side_by_side(flat: Tensor, layout: Layout) -> Tensor:
    """Return `(rows, heads, longest, d)` of `(n, heads, d)`."""
    rows: Tensor = _SideBySide.apply(flat, layout)  # type: ignore[no-untyped-call]
    return rows.transpose(1, 2)


def _flat(rows: Tensor, layout: Layout) -> Tensor:
    """Return `(n, heads, d)` of `(rows, heads, longest, d)`."""
    flat: Tensor = _Flat.apply(rows.transpose(1, 2), layout)  # type: ignore[no-untyped-call]
    return flat


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **kwargs: Any,  # noqa: ANN401 - what models give to their attention differs
) -> tuple[Tensor, Tensor | None]:
    """Attend within each row of a packed batch; without a layout, the model's own `sdpa`.

    Args:
        module: The attention layer that calls.
        query: `(1, heads, n, head_dim)`.
        key: `(1, key_value_heads, n, head_dim)`.
        value: `(1, key_value_heads, n, head_dim)`.
        attention_mask: `causal_mask` of the layout.
        **kwargs: `packed_layout`, and what the model adds.

    Returns:
        `(1, n, heads, head_dim)`, and None in place of attention weights.
    """
    packed = kwargs.pop("packed_layout", None)
    if packed is None:
        plain = ALL_ATTENTION_FUNCTIONS["sdpa"]
        return plain(module, query, key, value, attention_mask, **kwargs)  # type: ignore[no-any-return]
    _refuse_unknown(kwargs)
    options = {"scale": kwargs.get("scaling"), "dropout_p": kwargs.get("dropout", 0.0)}
    groups = query.shape[1] // key.shape[1]
    return _attend(packed, (query, key, value), attention_mask, groups, options), None


def _attend(
    packed: Layout,
    qkv: tuple[Tensor, Tensor, Tensor],
    mask: Tensor | None,
    groups: int,
    options: dict[str, Any],
) -> Tensor:
    heads, tails = zip(*(_split(t, packed.prefix) for t in qkv), strict=True)
    q, k, v = (_side_by_side(t, packed) for t in tails)
    if not packed.prefix:
        rows = _sdpa(q, k, v, groups, is_causal=True, **options)
        return _flat(rows, packed)[None]
    first = [t.transpose(0, 1)[None] for t in heads]
    k, v = (
        torch.cat([h.expand(packed.rows, -1, -1, -1), t], 2)
        for h, t in ((first[1], k), (first[2], v))
    )
    rows = _sdpa(q, k, v, groups, attn_mask=mask, **options)
    shared = _sdpa(first[0], first[1], first[2], groups, is_causal=True, **options)
    return torch.cat([shared[0].transpose(0, 1), _flat(rows, packed)])[None]


def _split(states: Tensor, prefix: int) -> tuple[Tensor, Tensor]:
    """Split `(1, heads, n, d)` into `(prefix, heads, d)` and `(n - prefix, heads, d)`."""
    flat = states[0].transpose(0, 1)
    head, tail = torch.split_with_sizes(flat, [prefix, len(flat) - prefix])
    return head, tail


def _sdpa(q: Tensor, k: Tensor, v: Tensor, groups: int, **options: Any) -> Tensor:  # noqa: ANN401
    return nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=groups > 1, **options)


def _refuse_unknown(kwargs: dict[str, Any]) -> None:
    for name in ("softcap", "position_bias", "s_aux"):
        if kwargs.get(name) is not None:
            raise NotImplementedError(f"packed attention has no {name}")


def register() -> None:
    """Make the attention known to Transformers; calling it again changes nothing."""
    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
