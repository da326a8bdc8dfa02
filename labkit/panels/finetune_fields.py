"""The settings of a fine-tuning as controls: in which groups, in which order, on which scales."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import catalog
from ..spec import LOSSES, METHODS, FinetuneSpec, loss_defaults
from .controls import Control, Scale


@dataclass(frozen=True)
class Group:
    """Settings that stand together."""

    title: str
    names: tuple[str, ...]
    is_open: bool = False


GROUPS = (
    Group(
        "Model and data",
        ("model", "data", "task", "text_template", "limit", "max_length"),
        True,
    ),
    Group(
        "Method",
        (
            "method", "r", "lora_alpha", "num_virtual_tokens", "adapter_placement",
            "bnb_4bit_quant_type", "last_layers", "lora_dropout",
        ),
        True,
    ),
    Group(
        "Training",
        (
            "learning_rate", "num_train_epochs", "max_steps", "batch_size",
            "gradient_accumulation_steps", "lr_scheduler_type", "warmup_ratio",
        ),
        True,
    ),
    Group(
        "Loss",
        (
            "loss", "label_smoothing_factor", "class_weights", "focal_gamma",
            "unlikelihood_alpha", "teacher", "temperature", "teacher_weight",
            "beta", "rejected_template", "margin",
        ),
    ),
    Group(
        "More on the rows",
        (
            "split", "eval_split", "test_split", "eval_share", "group_by", "prompt_template",
            "completion_template", "augment", "augment_copies", "head",
        ),
    ),
    Group(
        "More on the method",
        (
            "target_modules", "modules_to_save", "feedforward_modules", "init_lora_weights",
            "loraplus_lr_ratio", "bnb_4bit_use_double_quant", "prompt_tuning_init_text",
            "prefix_projection",
        ),
    ),
    Group(
        "More on the steps",
        (
            "optim", "num_cycles", "weight_decay", "max_grad_norm", "precision", "packing",
            "gradient_checkpointing", "processes", "fsdp", "device_map",
            "dataloader_num_workers", "budget", "force", "seed", "trust_remote_code",
        ),
    ),
    Group(
        "Validation and checkpoints",
        (
            "eval_steps", "n_samples", "early_stopping_patience", "load_best_model_at_end",
            "save_steps", "save_total_limit", "report_to",
        ),
    ),
)  # fmt: skip

SCALES: Mapping[str, Scale] = {
    "augment_copies": Scale(1, 20),
    "batch_size": Scale(1, 128, is_log=True, base=2),
    "dataloader_num_workers": Scale(0, 8),
    "early_stopping_patience": Scale(0, 10),
    "eval_share": Scale(0.05, 0.5, step=0.01),
    "eval_steps": Scale(1, 1000, is_log=True, step=0.1),
    "gradient_accumulation_steps": Scale(1, 64, is_log=True, base=2),
    "last_layers": Scale(1, 32),
    "learning_rate": Scale(1e-6, 1e-1, is_log=True, step=0.1),
    "limit": Scale(10, 1e5, is_log=True, step=0.1),
    "lora_alpha": Scale(1, 256, is_log=True, base=2),
    "lora_dropout": Scale(0, 0.5, step=0.05),
    "loraplus_lr_ratio": Scale(1, 64, is_log=True, base=2),
    "max_grad_norm": Scale(0.01, 100, is_log=True, step=0.1),
    "max_length": Scale(16, 8192, is_log=True, base=2),
    "max_steps": Scale(1, 10000, is_log=True, step=0.1),
    "n_samples": Scale(0, 20),
    "num_train_epochs": Scale(0.5, 20, step=0.5),
    "num_virtual_tokens": Scale(1, 128, is_log=True, base=2),
    "processes": Scale(1, 8),
    "r": Scale(1, 256, is_log=True, base=2),
    "save_steps": Scale(1, 1000, is_log=True, step=0.1),
    "save_total_limit": Scale(1, 10),
    "warmup_ratio": Scale(0, 0.5, step=0.01),
    "weight_decay": Scale(0, 0.3, step=0.01),
}
"""Sliders; what lies beyond their ends can be typed."""


def made() -> dict[str, Control]:
    """Return a control for each setting, by its name."""
    choices = {
        "model": [entry.name for entry in catalog.models()],
        "data": [entry.name for entry in catalog.data_sets()],
        "loss": [*LOSSES],
    }
    names = [name for group in GROUPS for name in group.names]
    return {
        name: Control(FinetuneSpec, name, SCALES.get(name), choices.get(name, ())) for name in names
    }


def suit(fields: Mapping[str, Control], method: str, loss: str) -> None:
    """Show the settings that a method and a loss take, with their defaults, and hide the others."""
    defaults = {**METHODS[method].defaults, **loss_defaults(loss)}
    for name, field in fields.items():
        if field.rule.is_dependent:
            field.show(name in defaults)
            if name in defaults:
                field.let_default(defaults[name])


def shown_values(spec: FinetuneSpec) -> dict[str, Any]:
    """Return the settings of a spec as controls show them: None where a default is."""
    defaults = {**METHODS[spec.method].defaults, **loss_defaults(spec.loss)}
    return {
        name: None if name in defaults and value == defaults[name] else value
        for name, value in spec.as_dict().items()
    }
