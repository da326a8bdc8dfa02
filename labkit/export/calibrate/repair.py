"""Repair a rounded model: train scales and roundings until it answers as before.

Nothing is added to the model and nothing is slower afterwards. It learns as it will compute: what
a product reads is rounded to 8 bits on the way, as ONNX Runtime does it. The wanted answers are
those of the model before it was rounded (knowledge distillation, Hinton et al. 2015,
arXiv:1503.02531). Two things learn: the scale of each block (Chen et al. 2024, "EfficientQAT",
arXiv:2407.11062) and where each 4-bit weight is rounded to, by the sign of its gradient (Cheng et
al. 2023, "Optimize Weight Rounding via Signed Gradient Descent", arXiv:2309.05516).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from .grid import Grid
from .texts import Lessons

SCALE_RATE = 8e-4
"""Largest change of a scale in one step, as a share of the mean scale of its weight."""

ROUNDING_RATE = 7.5e-4
"""Change of a weight before it is rounded in one backward pass, in steps of its grid. float16 holds
such a change only in values below 2, and only the first part of a repair knows what was rounded
off, so few weights are rounded anew; letting all of them drift made the answers worse (0.05 to 0.12
nats a token after 15 steps at 2e-3, no better at 2e-4; docs/decisions/0005)."""

N_WARM_UP = 10
"""Steps in which both rates rise."""


class GridLinear(nn.Module):
    """A product whose weight is a grid: its scales are parameters, its roundings drift.

    Args:
        grid: What to start from, its `exact` values included.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.scales = nn.Parameter(grid.scales.clone())
        self.exact = grid.exact
        self.rate = 0.0
        """How far one backward pass moves the exact values, in steps of the grid."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `(…, outputs)` of `(…, inputs)`."""
        read: Tensor = _Read.apply(x, self.grid.block_size)  # type: ignore[no-untyped-call]
        found: Tensor = _Product.apply(read, self.scales, self)  # type: ignore[no-untyped-call]
        return found

    def steps(self) -> Tensor:
        """Return how many scales each weight stands from 0, `(outputs, blocks, block_size)`."""
        values = self.grid.values if self.exact is None else self.exact
        return values.float().round_().sub_(self.grid.zeros.float().unsqueeze(-1))

    def weight(self, steps: Tensor, scales: Tensor) -> Tensor:
        """Return the `(outputs, inputs)` weight of `steps` with these scales."""
        whole: Tensor = (steps * scales.unsqueeze(-1)).flatten(1)
        return whole[:, : self.grid.n_inputs]

    def drift(self, by_weight: Tensor) -> None:
        """Move the exact values against a gradient `(outputs, blocks, block_size)`."""
        if self.exact is not None and self.rate:
            self.exact.sub_((self.rate * by_weight.sign()).to(self.exact.dtype))
            self.exact.clamp_(0, 2**self.grid.bits - 1)

    def result(self) -> Grid:
        """Return the grid as it was trained."""
        values = self.grid.values if self.exact is None else self.exact.round().to(torch.uint8)
        scales, zeros = self.scales.detach(), self.grid.zeros
        return Grid(self.grid.bits, values, scales, zeros, self.grid.n_inputs)


class _Read(torch.autograd.Function):
    """Inputs as the runtime reads them, in 8 bits by blocks; gradients pass as if they were whole.

    Bengio et al., 2013, "Estimating or Propagating Gradients Through Stochastic Neurons"
    (arXiv:1308.3432).
    """

    @staticmethod
    def forward(_ctx: Any, x: Tensor, block_size: int) -> Tensor:  # noqa: ANN401
        return as_int8(x, block_size)

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return grads[0], None


def as_int8(x: Tensor, block_size: int) -> Tensor:
    """Return `(…, n)` rounded to 255 values around 0, each block of the last axis on its own."""
    n = x.shape[-1]
    padded = pad(x, (0, -n % block_size))
    blocks = padded.view(*x.shape[:-1], -1, block_size)
    scales = (blocks.abs().amax(-1, keepdim=True) / 127).clamp_(min=torch.finfo(x.dtype).tiny)
    whole: Tensor = (blocks / scales).round_().mul_(scales).flatten(-2)
    return whole[..., :n]


class _Product(torch.autograd.Function):
    """`x Wᵀ` for a weight that is restored when it is needed and never kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scales: Tensor, module: GridLinear) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, scales)
        ctx.module = module
        return x @ module.weight(module.steps(), scales).T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        x, scales = ctx.saved_tensors
        module, (grad,) = ctx.module, grads
        steps = module.steps()
        by_input = grad @ module.weight(steps, scales)
        by_weight = grad.flatten(0, -2).T @ x.flatten(0, -2)
        by_weight = pad(by_weight, (0, steps[0].numel() - by_weight.shape[1])).view_as(steps)
        by_scale = (by_weight * steps).sum(-1)
        module.drift(by_weight)
        return by_input, by_scale, None


@dataclass(frozen=True)
class Part:
    """Some of a repair's steps: a stop loses no more than one part."""

    start: int
    end: int
    of: int
    """All steps; the rates fall to 0 over them."""

    def share(self, step: int) -> float:
        """Return the rates of a step as a share of their peak: a short rise, a straight fall."""
        return min(1.0, (step + 1) / N_WARM_UP) * (1 - step / self.of)


def repair(
    model: Any,  # noqa: ANN401 - a transformers model
    teacher: Any,  # noqa: ANN401 - a transformers model
    lessons: Lessons,
    part: Part,
    done: Callable[[int, float], None],
) -> None:
    """Train the `GridLinear`s of a model, in place.

    Args:
        model: Rounded model; nothing but its grids learns.
        teacher: The model before it was rounded.
        lessons: Texts of each step: batches of `(rows, n)` token ids and their mask.
        part: Optimizer steps.
        done: Called with the steps taken and the step's loss, nats per token.
    """
    model.requires_grad_(False)
    grids = [module for module in model.modules() if isinstance(module, GridLinear)]
    optimizer = torch.optim.AdamW([_group(grid) for grid in grids], betas=(0.9, 0.95))
    peaks = [group["lr"] for group in optimizer.param_groups]
    for step in range(part.start, part.end):
        loss = 0.0
        for grid in grids:
            grid.rate = ROUNDING_RATE * part.share(step)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * part.share(step)
        for ids, mask in lessons():
            apart = divergence(model, teacher, ids, mask)
            torch.autograd.backward(apart)
            loss += float(apart.detach())
        optimizer.step()
        optimizer.zero_grad()
        done(step + 1, loss)


def divergence(model: Any, teacher: Any, ids: Tensor, mask: Tensor) -> Tensor:  # noqa: ANN401
    """Return the mean KL of a model from its teacher over the tokens of a mask, in nats."""
    with torch.no_grad():
        wanted = teacher(input_ids=ids, use_cache=False).logits.log_softmax(-1)
    found = model(input_ids=ids, use_cache=False).logits.log_softmax(-1)
    each: Tensor = (wanted.exp() * (wanted - found)).sum(-1)
    return (each * mask).sum() / mask.sum()


def _group(grid: GridLinear) -> dict[str, Any]:
    """Return the optimizer's settings for one weight's scales."""
    scales = grid.scales.requires_grad_()
    rate = SCALE_RATE * float(scales.detach().abs().mean())
    return {"params": [scales], "lr": rate, "weight_decay": 0.0}
