"""Each method's settings in PEFT's own configuration."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...errors import SpecError
from ...spec import FinetuneSpec
from ..layer_names import feed_forward
from .targets import (
    FEED_FORWARD_OUTPUTS,
    KEYS_AND_VALUES,
    block_outputs,
    linear_layers,
    of_last_layers,
    output_layer,
    present,
    target_modules,
    whole_layers,
)

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

CHANGE_THE_BASE = ("pissa", "olora")
"""Starts that take what the adapter starts with out of the base weights."""

STARTS: dict[str, Any] = {"default": True, "pissa": "pissa_niter_16"}
"""PEFT's word for a start, where it differs; 16 rounds find a layer's largest directions."""


def _lora(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftConfig":
    from peft import EvaConfig, LoraConfig

    targets = target_modules(model, spec.target_modules)
    return LoraConfig(
        r=spec.r,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules=of_last_layers(model, targets, spec.last_layers),
        modules_to_save=_whole(model, spec),
        init_lora_weights=_start(model, spec),
        eva_config=EvaConfig(rho=1.0, use_label_mask=False)
        if spec.init_lora_weights == "eva"
        else None,
        use_dora=spec.method == "dora",
        use_rslora=spec.method == "rslora",
        task_type="FEATURE_EXTRACTION" if spec.embeds else "CAUSAL_LM",
    )


def _whole(model: "PreTrainedModel", spec: FinetuneSpec) -> list[str] | None:
    """Return the layers that learn whole: those of the spec, and a new head."""
    head = (output_layer(model),) if spec.head else ()
    return whole_layers(model, (*(spec.modules_to_save or ()), *head))


def _start(model: "PreTrainedModel", spec: FinetuneSpec) -> Any:  # noqa: ANN401 - PEFT's
    """Return how PEFT fills the first weights.

    Raises:
        SpecError: The method or the rank does not go with it.
    """
    start = spec.init_lora_weights
    if start in CHANGE_THE_BASE and spec.method not in ("lora", "rslora"):
        raise SpecError(
            f"init_lora_weights {start} goes with the methods lora and rslora; got {spec.method}.",
            hint="It changes the base weights, which dora measures and qlora rounds.",
        )
    if start == "orthogonal" and spec.r % 2:
        raise SpecError(
            f"r must be even for init_lora_weights orthogonal; got {spec.r}.",
            hint=f"Nearest: {spec.r + 1}.",
        )
    if model.device.type == "meta":  # counted, not filled
        return True
    return STARTS.get(start, start)


def _adapter(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftConfig":
    from peft import LoraConfig

    from .bottleneck import register

    if spec.target_modules == "auto":
        targets: str | list[str] = block_outputs(model, spec.adapter_placement)
    else:
        targets = target_modules(model, spec.target_modules)
    chosen = of_last_layers(model, targets, spec.last_layers)
    config = LoraConfig(
        r=spec.r,
        target_modules=chosen,
        modules_to_save=_whole(model, spec),
        task_type="CAUSAL_LM",
    )
    return register(config)


def _ia3(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftConfig":
    from peft import IA3Config
    from peft.utils.constants import (
        TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
        TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
    )

    known = TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(model.config.model_type)
    if spec.target_modules != "auto":
        targets = target_modules(model, spec.target_modules)
        inner = _feed_forward(model, targets, spec.feedforward_modules)
    elif known:
        targets = known
        ends = TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING[model.config.model_type]
        inner = _feed_forward(model, targets, spec.feedforward_modules or tuple(ends))
    else:
        targets = present(model, (*KEYS_AND_VALUES, *FEED_FORWARD_OUTPUTS))
        inner = _feed_forward(model, targets, spec.feedforward_modules)
    return IA3Config(
        target_modules=targets,
        feedforward_modules=inner,
        modules_to_save=_whole(model, spec),
        task_type="CAUSAL_LM",
    )


def _feed_forward(
    model: "PreTrainedModel", targets: str | list[str], wanted: tuple[str, ...] | None
) -> list[str]:
    return feed_forward(linear_layers(model), targets, wanted)


def _prompt_tuning(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftConfig":
    from peft import PromptTuningConfig, PromptTuningInit

    return PromptTuningConfig(
        num_virtual_tokens=spec.num_virtual_tokens,
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
        task_type="CAUSAL_LM",
    )


def _prefix_tuning(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftConfig":
    from peft import PrefixTuningConfig

    if spec.gradient_checkpointing:
        raise SpecError(
            "gradient_checkpointing must be false for the method prefix_tuning; got true.",
            hint="Take more gradient_accumulation_steps to save memory.",
        )
    return PrefixTuningConfig(
        num_virtual_tokens=spec.num_virtual_tokens,
        prefix_projection=spec.prefix_projection,
        encoder_hidden_size=model.config.get_text_config().hidden_size,
        task_type="CAUSAL_LM",
    )


CONFIGURATIONS: dict[str, Callable[["PreTrainedModel", FinetuneSpec], "PeftConfig"]] = {
    "lora": _lora,
    "qlora": _lora,
    "dora": _lora,
    "rslora": _lora,
    "adapter": _adapter,
    "ia3": _ia3,
    "prompt_tuning": _prompt_tuning,
    "prefix_tuning": _prefix_tuning,
}
"""Methods that PEFT applies, each with the function that makes its configuration."""
