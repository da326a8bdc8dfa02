"""The losses: from the logits at the targets of a batch to what a step makes small, summed.

Each looks at target positions alone, so that it is the same on packed and on padded batches; the
sum is divided by `batches.n_items` of a whole step, so that it is the same in micro-batches.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..spec import FinetuneSpec

Values = dict[str, Any]
"""A batch, as `labkit.training.batches` makes it."""

TargetLoss = Callable[[Tensor, Values], Tensor]
"""From logits `(t, vocabulary)` float32 and their batch to the summed loss."""


def target_loss(spec: FinetuneSpec) -> TargetLoss:
    """Return what a spec's loss computes of logits `(t, vocabulary)` and their batch."""
    return MAKERS[spec.loss](spec)


def cross_entropy(logits: Tensor, batch: Values, smoothing: float = 0.0) -> Tensor:
    """Return the summed cross-entropy in nats.

    Args:
        logits: `(t, vocabulary)` float32.
        batch: `targets` `(t,)`, and `weights` `(t,)` where rows do not count alike.
        smoothing: Of each target's probability, the part that is spread over all tokens evenly
            (Szegedy et al., 2015, arXiv:1512.00567).
    """
    targets = batch["targets"]
    if "weights" not in batch:
        return functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    each = functional.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
    return _summed(each, batch)


def focal(logits: Tensor, batch: Values, gamma: float) -> Tensor:
    """Return the summed focal loss `-(1 - p) ** gamma * log p` (Lin et al., arXiv:1708.02002).

    A target that the model is sure of counts little, one that it is wrong about in full.
    """
    surprise = functional.cross_entropy(logits, batch["targets"], reduction="none")  # -log p
    # -expm1(-x) is 1 - p without cancellation; its power has no slope at 0 below gamma 1
    doubt = (-torch.expm1(-surprise)).clamp(min=torch.finfo(surprise.dtype).tiny)
    each = doubt**gamma * surprise
    return _summed(each, batch)


def _summed(each: Tensor, batch: Values) -> Tensor:
    """Return the sum over targets `(t,)`, each as often as it counts."""
    weights: Tensor | None = batch.get("weights")
    return (each if weights is None else each * weights).sum()


def unlikelihood(logits: Tensor, batch: Values, alpha: float) -> Tensor:
    """Return cross-entropy plus `alpha` times the unlikelihood of earlier tokens, summed.

    At each target the penalty is the sum of `-log(1 - p(c))` over the different tokens `c` that the
    row's completion had before it, the target itself excepted (Welleck et al., arXiv:1908.04319).
    """
    log_p = functional.log_softmax(logits, -1)
    total: Tensor = functional.nll_loss(log_p, batch["targets"], reduction="sum")
    for row in batch["rows"].unique():
        places = (batch["rows"] == row).nonzero()[:, 0]
        total = total + alpha * _repeated(log_p[places], batch["targets"][places])
    return total


def _repeated(log_p: Tensor, targets: Tensor) -> Tensor:
    """Return the summed penalty of one row: log-probabilities `(n, vocabulary)`, targets `(n,)`."""
    same = targets[:, None] == targets[None]  # (n, n)
    is_first = ~same.tril(-1).any(1)  # each earlier token counts once
    earlier = torch.ones_like(same).tril(-1) & ~same & is_first
    of_earlier = log_p[:, targets].exp()  # (n, n): what place i gives to the token of place j
    penalty = -torch.log1p(-of_earlier.clamp(max=1 - 1e-5))
    return penalty[earlier].sum()


MAKERS: dict[str, Callable[[FinetuneSpec], TargetLoss]] = {
    "cross_entropy": lambda spec: partial(cross_entropy, smoothing=spec.label_smoothing_factor),
    "focal": lambda spec: partial(focal, gamma=spec.focal_gamma),
    "unlikelihood": lambda spec: partial(unlikelihood, alpha=spec.unlikelihood_alpha),
}
"""What each loss computes, made for the settings of a spec."""
