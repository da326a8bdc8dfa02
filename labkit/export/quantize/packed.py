"""A quantised weight as the tensors that a MatMulNBits node takes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_SIZE = 32
"""Values along the input axis that share one scale, where nothing else is asked for."""

ACCURACY_LEVEL = 4
"""Multiply in int8. Level 1 (fp32) is nearer (KL 0.002 for 0.007) and 30 times slower."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Packed:
    """One quantised weight: what a MatMulNBits node takes after its first input."""

    bits: int
    block_size: int
    tensors: tuple[tuple[Array, ...], ...]
    """Values, scales and, where used, zero points; each in slices along the output axis."""


def packed(bits: int, values: Array, scales: Array, zeros: Array) -> Packed:
    """Return a weight whose values are known, as a node takes it.

    Args:
        bits: 4 or 8.
        values: `(outputs, blocks, block_size)` uint8.
        scales: `(outputs, blocks)` float32.
        zeros: `(outputs, blocks)` uint8; those in the middle of the range need not be stored.
    """
    block_size, is_symmetric = values.shape[2], (zeros == 2 ** (bits - 1)).all()
    if bits == 4:
        values, zeros = _in_pairs(values), _in_pairs(_even(zeros))
    stored = (values, np.ascontiguousarray(scales), *(() if is_symmetric else (zeros,)))
    return Packed(bits, block_size, tuple((tensor,) for tensor in stored))


def _in_pairs(values: Array) -> Array:
    """Return two 4-bit values in each byte, the first in its lower half."""
    return np.ascontiguousarray(values[..., 0::2] | (values[..., 1::2] << 4))


def _even(zeros: Array) -> Array:
    return np.pad(zeros, ((0, 0), (0, zeros.shape[1] % 2)))
