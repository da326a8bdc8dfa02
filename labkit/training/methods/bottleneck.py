"""The bottleneck adapter: a small network after a frozen layer, added to what the layer gives.

Houlsby et al., 2019, arXiv:1902.00751. Transformers' own adapters library does not follow today's
Transformers, so the layer is a custom one of PEFT, which saves, loads and switches it off.
"""

from typing import TYPE_CHECKING, Any

from peft.tuners.lora.layer import LoraLayer
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

if TYPE_CHECKING:
    from peft import LoraConfig

from ...errors import RunError


def register(config: "LoraConfig") -> "LoraConfig":
    """Let a configuration make bottlenecks; PEFT does not store this, so loading needs it too."""
    config._register_custom_module({nn.Linear: Bottleneck, Conv1D: Bottleneck})
    return config


class Bottleneck(nn.Module, LoraLayer):
    """`y + B(gelu(A(y)))` of a frozen layer's output `y` `(..., d)`.

    `A` is `(r, d)` and `B` `(d, r)`, both with a bias: `2 * r * d + r + d` parameters. `B` starts
    at zero, so that the model starts as its base.

    Args:
        base_layer: The frozen layer.
        adapter_name: PEFT's name of the adapter.
        config: Its `r` is the width.
    """

    def __init__(
        self,
        base_layer: nn.Module,
        adapter_name: str,
        config: "LoraConfig",
        **_: Any,  # noqa: ANN401 - LoRA's settings, which a bottleneck has not
    ) -> None:
        super().__init__()
        LoraLayer.__init__(self, base_layer)
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config.r)

    def update_layer(  # type: ignore[override]
        self,
        adapter_name: str,
        r: int,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Make the two layers of one adapter."""
        width: Any = self.out_features
        down, up = nn.Linear(width, r), nn.Linear(r, width)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        self.r[adapter_name], self.lora_alpha[adapter_name], self.scaling[adapter_name] = r, r, 1.0
        self.lora_dropout[adapter_name] = nn.Identity()
        self.lora_A[adapter_name], self.lora_B[adapter_name] = down, up
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401
        """Return `(..., d)` of `(..., d_in)`."""
        y: Tensor = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters:
            return y
        for name in self.active_adapters:
            if name in self.lora_A:
                down: Any = self.lora_A[name]
                inner = nn.functional.gelu(down(y.to(down.weight.dtype)))
                y = y + self.lora_B[name](inner).to(y.dtype)
        return y

    def merge(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - PEFT's
        """Refuse: no weight does what a bend does.

        Raises:
            RunError: Always.
        """
        raise RunError(
            "A bottleneck adapter is not linear, so it cannot be merged into the base model.",
            hint="Keep it beside the base model, or train with method lora.",
        )
