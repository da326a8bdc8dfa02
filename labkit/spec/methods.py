"""The fine-tuning methods: what each is, which settings it takes and what they are by default.

Only names and values stand here, so that a spec can be checked without loading anything; how a
method changes a model is in `labkit.training.methods`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Method:
    """One fine-tuning method."""

    title: str
    """What its paper calls it."""

    paper: str
    """Authors, year and arXiv number."""

    defaults: Mapping[str, Any]
    """The settings it takes beside those of every run, with their defaults."""

    merges: bool
    """Whether what it learned can be added into the base model's own weights."""


LORA: Mapping[str, Any] = {
    "learning_rate": 5e-4,
    "r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "target_modules": "all-linear",
    "modules_to_save": None,
    "last_layers": None,
    "init_lora_weights": "default",
    "loraplus_lr_ratio": None,
}

METHODS: Mapping[str, Method] = {
    "full": Method(
        "full fine-tuning",
        "Howard and Ruder, 2018, arXiv:1801.06146",
        {"learning_rate": 5e-5},
        merges=True,
    ),
    "lora": Method("LoRA", "Hu et al., 2021, arXiv:2106.09685", LORA, merges=True),
    "qlora": Method(
        "QLoRA",
        "Dettmers et al., 2023, arXiv:2305.14314",
        {**LORA, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
        merges=True,
    ),
    "dora": Method("DoRA", "Liu et al., 2024, arXiv:2402.09353", LORA, merges=True),
    "rslora": Method(
        "rsLoRA", "Kalajdzievski, 2023, arXiv:2312.03732", {**LORA, "lora_alpha": 8}, merges=True
    ),
    "adapter": Method(
        "bottleneck adapter",
        "Houlsby et al., 2019, arXiv:1902.00751; Pfeiffer et al., 2020, arXiv:2005.00247",
        {
            "learning_rate": 1e-3,
            "r": 64,
            "adapter_placement": "houlsby",
            "target_modules": "auto",
            "last_layers": None,
        },
        merges=False,
    ),
    "ia3": Method(
        "(IA)³",
        "Liu et al., 2022, arXiv:2205.05638",
        {
            "learning_rate": 1e-2,
            "target_modules": "auto",
            "feedforward_modules": None,
            "modules_to_save": None,
        },
        merges=True,
    ),
    "prompt_tuning": Method(
        "prompt tuning",
        "Lester et al., 2021, arXiv:2104.08691",
        {"learning_rate": 3e-2, "num_virtual_tokens": 20, "prompt_tuning_init_text": None},
        merges=False,
    ),
    "prefix_tuning": Method(
        "prefix tuning",
        "Li and Liang, 2021, arXiv:2101.00190",
        {"learning_rate": 1e-2, "num_virtual_tokens": 20, "prefix_projection": False},
        merges=False,
    ),
}
"""Fine-tuning methods by their name in a spec."""


def takers(setting: str) -> list[str]:
    """Return the names of the methods that take a setting."""
    return [name for name, method in METHODS.items() if setting in method.defaults]
