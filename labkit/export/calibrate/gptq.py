"""GPTQ: round a weight column by column, each error made good by the columns that follow.

Frantar, Ashkboos, Hoefler, Alistarh 2022, "GPTQ: Accurate Post-Training Quantization for
Generative Pre-trained Transformers" (arXiv:2210.17323).
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from .grid import Grid, best_grid, rounded

DAMPING = 0.01
"""Share of the mean curvature added to the diagonal, so that the inverse exists."""


def gptq(weight: Tensor, gram: Tensor, bits: int, block_size: int) -> Grid:
    """Return a weight rounded so that its products with the seen inputs change least.

    Args:
        weight: `(outputs, inputs)` float32; left as it is.
        gram: `(inputs, inputs)` sum of `x xᵀ` over the inputs seen.
        bits: Bits of a value.
        block_size: Inputs that share a scale.
    """
    n_inputs = weight.shape[1]
    rest = pad(weight, (0, -n_inputs % block_size)).clone()
    factor = _factor(gram, rest.shape[1])
    parts = []
    for start in range(0, rest.shape[1], block_size):
        end = start + block_size
        part, errors = _round_block(rest[:, start:end], factor[start:end, start:end], bits)
        rest[:, end:] -= errors @ factor[start:end, end:]
        parts.append(part)
    exact, scales, zeros = (torch.stack(tensors, 1) for tensors in zip(*parts, strict=True))
    values = exact.round().to(torch.uint8)
    return Grid(bits, values, scales, zeros, n_inputs, exact.half() if bits < 8 else None)


def _factor(gram: Tensor, size: int) -> Tensor:
    """Return the upper Cholesky factor of the damped curvature's inverse, `(size, size)`."""
    damped = torch.zeros(size, size)
    damped[: len(gram), : len(gram)] = gram
    damped += torch.eye(size) * (DAMPING * gram.diagonal().mean() + 1e-8)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    factor: Tensor = torch.linalg.cholesky(inverse, upper=True)
    return factor


def _round_block(
    weights: Tensor, factor: Tensor, bits: int
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Round one block's columns in turn.

    Returns:
        Values before rounding `(outputs, block_size)`, scales and zero points `(outputs,)` of the
        block, and the errors `(outputs, block_size)` that the columns behind it make good.
    """
    weights = weights.clone()
    scales, zeros = best_grid(weights, bits, factor.diagonal().square().reciprocal())
    exact, errors = torch.empty_like(weights), torch.empty_like(weights)
    for column in range(weights.shape[1]):
        wanted = weights[:, column : column + 1]
        exact[:, column] = (wanted / scales + zeros).clamp_(0, 2**bits - 1)[:, 0]
        value = rounded(wanted, scales, zeros, bits)
        error = (wanted - (value - zeros) * scales) / factor[column, column]
        weights[:, column:] -= error * factor[column, column:]
        errors[:, column] = error[:, 0]
    return (exact, scales[:, 0], zeros[:, 0].to(torch.uint8)), errors
