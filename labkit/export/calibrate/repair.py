"""Repair a rounded model: train the scales of its blocks until it answers as before.

The rounded values stay as they are, so nothing is added to the model and nothing is slower. Chen
et al. 2024, "EfficientQAT: Efficient Quantization-Aware Training for Large Language Models"
(arXiv:2407.11062) train the scales of a whole model in this way; the wanted answers are those of
the model before it was rounded (knowledge distillation, Hinton et al. 2015, arXiv:1503.02531).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from .grid import Grid, restored

LEARNING_RATE = 0.01
"""Largest change of a scale in one step, as a share of the mean scale of its weight."""

N_WARM_UP = 5
"""Steps in which the learning rate rises."""


class _Product(torch.autograd.Function):
    """`x Wᵀ` for a weight that is restored when it is needed and never kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scales: Tensor, grid: Grid) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, scales)
        ctx.grid = grid
        return x @ _weight(grid, scales).T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        x, scales = ctx.saved_tensors
        grid, (grad,) = ctx.grid, grads
        by_weight = grad.flatten(0, -2).T @ x.flatten(0, -2)
        by_weight = pad(by_weight, (0, grid.values[0].numel() - grid.n_inputs))
        steps = grid.values.float().sub_(grid.zeros.float().unsqueeze(-1))
        by_scale = (by_weight.view_as(steps) * steps).sum(-1)
        return grad @ _weight(grid, scales), by_scale, None


class GridLinear(nn.Module):
    """A product whose weight is a grid with scales that can be trained."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.scales = nn.Parameter(grid.scales.clone())

    def forward(self, x: Tensor) -> Tensor:
        """Return `(…, outputs)` of `(…, inputs)`."""
        found: Tensor = _Product.apply(x, self.scales, self.grid)
        return found


def repair(  # noqa: PLR0913 - all but three are by name
    model: Any,  # noqa: ANN401 - a transformers model
    teacher: Any,  # noqa: ANN401 - a transformers model
    batches: Sequence[Tensor],
    *,
    n_steps: int,
    seed: int,
    done: Callable[[int, float], None],
) -> None:
    """Train the scales of a model's `GridLinear`s, in place.

    Args:
        model: Rounded model; nothing but the scales learns.
        teacher: The model before it was rounded.
        batches: `(rows, n)` token ids of texts; each step takes them all in turn, one at a time.
        n_steps: Optimizer steps.
        seed: Of the order of the batches.
        done: Called with the steps taken and the step's loss, nats per token.
    """
    model.requires_grad_(False)
    scales = [module.scales.requires_grad_() for module in model.modules() if _learns(module)]
    sizes = [float(each.detach().abs().mean()) for each in scales]
    groups = [
        {"params": [each], "lr": LEARNING_RATE * size}
        for each, size in zip(scales, sizes, strict=True)
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, n_steps))
    order = torch.Generator().manual_seed(seed)
    for step in range(n_steps):
        batch = batches[int(torch.randint(len(batches), (1,), generator=order))]
        loss = _divergence(model, teacher, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        done(step + 1, float(loss.detach()))


def _divergence(model: Any, teacher: Any, ids: Tensor) -> Tensor:  # noqa: ANN401
    """Return the mean KL of the model from its teacher over a batch, nats per token."""
    with torch.inference_mode():
        wanted = teacher(input_ids=ids, use_cache=False).logits.log_softmax(-1)
    found = model(input_ids=ids, use_cache=False).logits.log_softmax(-1)
    return (wanted.exp() * (wanted - found)).sum(-1).mean()


def _share(step: int, n_steps: int) -> float:
    """Return the learning rate of a step as a share of its peak: a short rise, a cosine fall."""
    rise = min(1.0, (step + 1) / N_WARM_UP)
    return rise * 0.5 * (1 + math.cos(math.pi * step / n_steps))


def _learns(module: nn.Module) -> bool:
    return isinstance(module, GridLinear)


def _weight(grid: Grid, scales: Tensor) -> Tensor:
    return restored(grid.values, scales, grid.zeros)[:, : grid.n_inputs]
