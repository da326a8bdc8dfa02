"""What a LoRA run learned, read from its PEFT folder; what is no plain LoRA is refused."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ExportError
from ..whole import LORA

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

Array = npt.NDArray[np.float32]

CANNOT: Mapping[str, str] = {
    "use_dora": "DoRA scales each column of the whole weight, which is no sum of two products",
    "modules_to_save": "it holds whole layers (modules_to_save), and those are the base's here",
    "lora_bias": "its products have biases (lora_bias)",
    "trainable_token_indices": "it changes rows of the embedding (trainable_token_indices)",
    "target_parameters": "it changes weights that are no layer of their own (target_parameters)",
    "layer_replication": "it repeats layers of its base (layer_replication)",
    "alora_invocation_tokens": "it begins in the middle of a prompt (aLoRA)",
    "arrow_config": "it mixes several adapters (Arrow)",
    "use_qalora": "it pools what a layer reads (QA-LoRA)",
    "use_bdlora": "its products are cut into blocks (BD-LoRA)",
    "kasa_config": "it changes its base's weights (KaSA)",
    "monteclora_config": "it draws its weights at random (MonteCLoRA)",
}
"""Why what some settings of PEFT's LoRA do is no product `(x A) B` beside a layer."""

BOTTLENECK = "its bottleneck bends between its two products"

CHANGED_BASE = ("pissa", "olora", "loftq", "corda", "lora_ga", "mica")
"""How the starts are called that leave an adapter on a base with other weights."""


@dataclass(frozen=True)
class Lora:
    """What one module gains: `x a b`."""

    a: Array
    """`(inputs, r)`"""

    b: Array
    """`(r, outputs)`, the adapter's scale in it."""

    @property
    def r(self) -> int:
        """Rank."""
        return int(self.a.shape[1])


def read_lora(adapter: Path) -> dict[str, Lora]:
    """Return the products of a PEFT folder by the module of the base that each stands beside.

    Raises:
        ExportError: The folder holds something else than a plain LoRA, or a part of one.
    """
    config = _read_config(adapter)
    refuse_other_than_lora(config, adapter)
    sides: dict[str, dict[str, Array]] = {}
    for key, tensor in _read_weights(adapter).items():
        found = LORA.fullmatch(key)
        if found is None:
            raise cannot(adapter, _why_not(key))
        sides.setdefault(found[1], {})[found[2]] = tensor.astype(np.float32)
    scale = _scales(config)
    return {module: _product(module, of, scale, adapter) for module, of in sides.items()}


def refuse_unswitchable(adapter: Path, method: str) -> None:
    """Refuse what a run learned if it is no plain LoRA; its weights are not read.

    Args:
        adapter: What the run left.
        method: The run's; a bottleneck adapter cannot be told from LoRA by its settings.

    Raises:
        ExportError: Why it cannot be switched on beside others.
    """
    reason = obstacle(adapter, method)
    if reason is not None:
        raise cannot(adapter, reason)


def obstacle(adapter: Path, method: str) -> str | None:
    """Return why what a run learned is no plain LoRA, or None; its weights are not read.

    Args:
        adapter: What the run left.
        method: The run's; a bottleneck adapter cannot be told from LoRA by its settings.
    """
    if method == "full":
        return "a full fine-tuning changes the whole model"
    if method == "adapter":
        return BOTTLENECK
    return _other_than_lora(_read_config(adapter))


def refuse_other_than_lora(config: Mapping[str, Any], adapter: Path) -> None:
    """Refuse an adapter whose settings make it something else than `(x A) B`."""
    reason = _other_than_lora(config)
    if reason is not None:
        raise cannot(adapter, reason)


def _other_than_lora(config: Mapping[str, Any]) -> str | None:
    if config.get("peft_type") != "LORA":
        return f"it must be of PEFT's type LORA; its type is {_type_of(config)}"
    for name, reason in CANNOT.items():
        if config.get(name):
            return reason
    if config.get("bias", "none") != "none":
        return f"it changes biases of its base (bias: {config['bias']})"
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.startswith(CHANGED_BASE):
        return f"its start ({start}) has changed the weights of its base"
    return None


def cannot(adapter: Path, reason: str) -> ExportError:
    """Return the error that says why an adapter cannot be switched on beside others."""
    hint = "Export this run alone: %optimize RUN."
    return ExportError(f"The adapter in {adapter} cannot be switched: {reason}.", hint)


def _type_of(config: Mapping[str, Any]) -> str:
    return str(config.get("peft_type", "not given"))


def _why_not(key: str) -> str:
    if "lora_embedding" in key:
        return "it changes the embedding, which takes no adapter"
    if key.endswith("lora_A.bias"):
        return BOTTLENECK
    if "lora_magnitude" in key:
        return CANNOT["use_dora"]
    return f"it holds {key}, which is no product of LoRA"


def _product(
    module: str, of: Mapping[str, Array], scale: Callable[[str, int], float], adapter: Path
) -> Lora:
    """Return the product of a module, the scale in its second part."""
    if len(of) < 2:
        raise cannot(adapter, f"its file holds one half of {module}")
    if not all(np.isfinite(tensor).all() for tensor in of.values()):
        raise cannot(adapter, f"its weights of {module} are not finite")
    a, b = of["A"].T, of["B"].T
    factor = np.float32(scale(module, a.shape[1]))
    return Lora(np.ascontiguousarray(a), np.ascontiguousarray(b * factor))


def _scales(config: Mapping[str, Any]) -> Callable[[str, int], float]:
    """Return a function from a module and its rank to the scale of its product.

    That is alpha / r (Hu et al., 2021), and alpha / √r in rsLoRA (Kalajdzievski, 2023,
    arXiv:2312.03732).
    """
    patterns: Mapping[str, float] = config.get("alpha_pattern") or {}
    divisor = math.sqrt if config.get("use_rslora") else float

    def scale(module: str, r: int) -> float:
        own = (v for name, v in patterns.items() if re.match(rf"(.*\.)?({name})$", module))
        return float(next(own, config["lora_alpha"])) / divisor(r)

    return scale


def _read_config(adapter: Path) -> dict[str, Any]:
    file = adapter / CONFIG
    if not file.is_file() or not (adapter / WEIGHTS).is_file():
        hint = "Name a finished run of the method lora, qlora or rslora."
        raise ExportError(f"{adapter} holds no {CONFIG} with {WEIGHTS}.", hint)
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return config


def _read_weights(adapter: Path) -> dict[str, npt.NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(adapter / WEIGHTS)
    except SafetensorError as error:
        raise cannot(adapter, f"{WEIGHTS} is damaged ({error})") from error
    if not tensors:
        raise cannot(adapter, f"{WEIGHTS} holds no weight")
    return tensors
