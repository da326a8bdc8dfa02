"""How far two models are apart in what they predict for the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..data import Tokens
from ..evaluation.kinds import Model

if TYPE_CHECKING:
    import torch

TOKENS = 128
"""Most target tokens whose logits are kept; for a large vocabulary they are megabytes each."""


@dataclass(frozen=True)
class Logits:
    """What a model predicts for the target tokens of some rows."""

    values: torch.Tensor
    """`(t, vocabulary)` float32"""

    targets: torch.Tensor
    """`(t,)` int64: the tokens that follow"""

    @classmethod
    def of(cls, model: Model, rows: Sequence[Tokens]) -> Logits:
        """Read rows one by one, until `TOKENS` targets have been seen."""
        import torch

        values, targets = [], []
        with torch.no_grad():
            for row in rows:
                ids = torch.tensor([row.input_ids], device=next(model.parameters()).device)
                start = max(1, row.n_prompt)
                logits = model(input_ids=ids, use_cache=False).logits[0, start - 1 : -1]
                values.append(logits.float().cpu())
                targets.append(ids[0, start:].cpu())
                if sum(map(len, targets)) >= TOKENS:
                    break
        return cls(torch.cat(values)[:TOKENS], torch.cat(targets)[:TOKENS])

    def losses(self) -> torch.Tensor:
        """Return each target's loss, `(t,)` in nats."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(self.values, self.targets, reduction="none")


def drift(before: Logits, after: Logits) -> dict[str, Any]:
    """Compare two models' predictions of the same tokens.

    Returns:
        `n_tokens`; `logit_difference`, the largest; `kl`, the mean divergence of the second from
        the first in nats per token; `loss_change` in nats per token.
    """
    first, second = before.values.log_softmax(-1), after.values.log_softmax(-1)
    return {
        "n_tokens": len(first),
        "logit_difference": float((before.values - after.values).abs().max()),
        "kl": float((first.exp() * (first - second)).sum(-1).mean()),
        "loss_change": float((after.losses() - before.losses()).mean()),
    }
