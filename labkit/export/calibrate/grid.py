"""Weights in blocks that share a scale and a zero point, as MatMulNBits stores them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

SHRINKS = torch.linspace(1.0, 0.6, 24)
"""Shares of a block's range that are tried: a narrower grid cuts off the ends and is finer."""


@dataclass
class Grid:
    """One quantised weight `(outputs, inputs)`; a value stands for `(q - zero) * scale`."""

    bits: int
    values: Tensor
    """`(outputs, blocks, block_size)` uint8, from 0 to `2 ** bits - 1`."""

    scales: Tensor
    """`(outputs, blocks)` float32."""

    zeros: Tensor
    """`(outputs, blocks)` uint8."""

    n_inputs: int
    """Inputs; the last block is padded where they do not fill it."""

    exact: Tensor | None = None
    """`(outputs, blocks, block_size)` float16: the values before they were rounded, where known."""

    @property
    def block_size(self) -> int:
        """Values that share a scale."""
        return self.values.shape[2]

    def weight(self) -> Tensor:
        """Return the `(outputs, inputs)` float32 weight that the grid stands for."""
        return restored(self.values, self.scales, self.zeros)[:, : self.n_inputs]


def n_bytes(n_values: int, bits: int, block_size: int, *, has_zeros: bool = True) -> float:
    """Return what weights take in a file: values, and each block's fp16 scale and zero point."""
    return n_values * (bits / 8 + (2 + has_zeros * bits / 8) / block_size)


def restored(values: Tensor, scales: Tensor, zeros: Tensor) -> Tensor:
    """Return `(outputs, blocks * block_size)` float32 of a grid's parts."""
    offset = values.float().sub_(zeros.float().unsqueeze(-1))
    return offset.mul_(scales.unsqueeze(-1)).flatten(1)


def nearest(weight: Tensor, bits: int, block_size: int) -> Grid:
    """Return a weight `(outputs, inputs)` rounded to the values next to it."""
    n_inputs = weight.shape[1]
    blocks = pad(weight, (0, -n_inputs % block_size)).view(len(weight), -1, block_size)
    scales, zeros = best_grid(blocks, bits)
    values = rounded(blocks, scales, zeros, bits).to(torch.uint8)
    return Grid(bits, values, scales.squeeze(-1), zeros.squeeze(-1).to(torch.uint8), n_inputs)


def symmetric(weight: Tensor, bits: int, block_size: int) -> Grid:
    """Return a weight rounded to the values next to it, its zero point in the middle of the range.

    Such a zero point is not stored.
    """
    n_inputs, middle = weight.shape[1], 2 ** (bits - 1)
    blocks = pad(weight, (0, -n_inputs % block_size)).view(len(weight), -1, block_size)
    scales = blocks.abs().amax(-1, keepdim=True) / (middle - 1)
    scales = torch.where(scales == 0, torch.ones_like(scales), scales)
    zeros = torch.full_like(scales, middle)
    values = rounded(blocks, scales, zeros, bits).to(torch.uint8)
    return Grid(bits, values, scales.squeeze(-1), zeros.squeeze(-1).to(torch.uint8), n_inputs)


def best_grid(blocks: Tensor, bits: int, importance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the scales and zero points `(…, 1)` with the least squared error.

    Args:
        blocks: `(…, block_size)` weights.
        bits: Bits of a value.
        importance: `(block_size,)` by which each squared error counts; equally if left out.
    """
    found: tuple[Tensor, Tensor] | None = None
    least = torch.full_like(blocks[..., :1], torch.inf)
    for shrink in SHRINKS if bits < 8 else SHRINKS[:1]:  # 8 bits are fine enough
        scales, zeros = _grid(blocks, bits, float(shrink))
        error = (rounded(blocks, scales, zeros, bits) - zeros) * scales - blocks
        error = error.square() if importance is None else error.square() * importance
        total = error.sum(-1, keepdim=True)
        better = total < least
        least = torch.where(better, total, least)
        kept = found or (scales, zeros)
        found = torch.where(better, scales, kept[0]), torch.where(better, zeros, kept[1])
    assert found is not None
    return found


def rounded(weights: Tensor, scales: Tensor, zeros: Tensor, bits: int) -> Tensor:
    """Return the values, as floats, that stand nearest to the weights."""
    return (weights / scales + zeros).round_().clamp_(0, 2**bits - 1)


def _grid(blocks: Tensor, bits: int, shrink: float) -> tuple[Tensor, Tensor]:
    """Return scales and zero points that span `shrink` of each block's range, zero included."""
    low = blocks.amin(-1, keepdim=True).clamp(max=0) * shrink
    high = blocks.amax(-1, keepdim=True).clamp(min=0) * shrink
    scales = (high - low) / (2**bits - 1)
    scales = torch.where(scales == 0, torch.ones_like(scales), scales)
    return scales, (-low / scales).round_().clamp_(0, 2**bits - 1)
