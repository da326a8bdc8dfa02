"""Training: adapters, packed batches, the trainer and what it proves.

The modules below import torch when they are imported; the functions here do so when called.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import How
    from .combined import combine
    from .contrastive import embeddings
    from .encoders import check_kind
    from .finetune import TrainResult, train
    from .methods import (
        AdapterFacts,
        adapter_facts,
        add_adapter,
        embeds,
        has_head,
        load_adapter,
        load_base,
        load_merged,
        load_model,
        load_tuned,
        merge,
        read_labels,
    )
    from .planning import Plan, plan
    from .range_test import find_lr
    from .rehearsal import rehearse
    from .shared import SharedBase
    from .trainer import PackedTrainer

__all__ = [
    "AdapterFacts",
    "How",
    "PackedTrainer",
    "Plan",
    "SharedBase",
    "TrainResult",
    "adapter_facts",
    "add_adapter",
    "check_kind",
    "combine",
    "embeddings",
    "embeds",
    "find_lr",
    "has_head",
    "load_adapter",
    "load_base",
    "load_merged",
    "load_model",
    "load_tuned",
    "merge",
    "plan",
    "read_labels",
    "rehearse",
    "train",
]

_HOMES = {
    "combined": ("combine",),
    "contrastive": ("embeddings",),
    "encoders": ("check_kind",),
    "finetune": ("TrainResult", "train"),
    "planning": ("Plan", "plan"),
    "range_test": ("find_lr",),
    "rehearsal": ("rehearse",),
    "shared": ("SharedBase",),
    "methods": (
        "AdapterFacts",
        "adapter_facts",
        "add_adapter",
        "embeds",
        "has_head",
        "load_adapter",
        "load_base",
        "load_merged",
        "load_model",
        "load_tuned",
        "merge",
        "read_labels",
    ),
    "arguments": ("How",),
    "trainer": ("PackedTrainer",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
