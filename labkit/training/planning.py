"""What a fine-tuning will do, counted before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..data import Tokens
from ..spec import FinetuneSpec
from . import batches
from .arguments import count_steps, steps_per_epoch
from .methods import AdapterFacts, adapter_facts, add_adapter, is_adapted
from .pairs import sides
from .surroundings import quiet

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Plan:
    """What a fine-tuning will do, known before it starts."""

    max_steps: int
    """Optimizer steps."""

    steps_per_epoch: int
    """Optimizer steps in one pass over the training rows."""

    trainable: int
    """Parameters that will learn."""

    total: int
    """All parameters, the adapter's included."""

    n_tokens: int
    """Tokens in one pass over the training rows."""

    n_targets: int
    """Target tokens in one pass over the training rows."""


def plan(model: "nn.Module", tokens: Sequence[Tokens], spec: FinetuneSpec) -> Plan:
    """Return the plan of a fine-tuning; `model` is not changed and nothing large is allocated."""
    facts, read = _facts(model, spec), sides(tokens)
    return Plan(
        max_steps=count_steps(len(tokens), spec),
        steps_per_epoch=steps_per_epoch(len(tokens), spec),
        trainable=facts.trainable,
        total=facts.total,
        n_tokens=sum(len(row.input_ids) for row in read),
        n_targets=sum(map(batches.n_targets, read)),
    )


def _facts(model: "nn.Module", spec: FinetuneSpec) -> AdapterFacts:
    """Count an adapter's parameters; a model that has none yet gets it without any memory."""
    from transformers import AutoModel, AutoModelForCausalLM

    if is_adapted(model) or spec.method == "full":
        return adapter_facts(model)
    with torch.device("meta"), quiet():
        kind: Any = AutoModel if spec.embeds else AutoModelForCausalLM
        bare = kind.from_config(model.config)
        return adapter_facts(add_adapter(bare, spec))
