"""LoRA+: two step sizes for one adapter (Hayou et al., 2024, arXiv:2402.12354)."""

from typing import Any, cast

import torch


def faster_b(
    model: torch.nn.Module,
    kind: type[torch.optim.Optimizer],
    options: dict[str, Any],
    ratio: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Return an optimizer in which LoRA's `B` learns `ratio` times as fast as its `A`.

    Args:
        model: The model with a LoRA adapter.
        kind: The optimizer's class.
        options: Its options; `lr` is the step size of `A`.
        ratio: Step size of `B` relative to that of `A`.
        weight_decay: Of both; norms and magnitudes have none.
    """
    from peft import PeftModel
    from peft.optimizers import create_loraplus_optimizer

    return create_loraplus_optimizer(
        cast(PeftModel, model),
        kind,
        loraplus_lr_ratio=ratio,
        loraplus_weight_decay=weight_decay,
        **options,
    )
