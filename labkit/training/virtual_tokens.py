"""Whether an adapter puts trained tokens before each sequence; loads nothing heavy."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def learns_a_prompt(model: "nn.Module") -> bool:
    """Tell whether the adapter puts virtual tokens before a sequence, as prompt tuning does.

    While the adapter is switched off it does not: then the model is its base.
    """
    is_off = getattr(model, "_adapters_disabled", False)
    learned = getattr(model, "peft_config", {}).values()
    return not is_off and any(config.is_prompt_learning for config in learned)
