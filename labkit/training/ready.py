"""A model before its first step: its adapter in place, filled, where it learns."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..data import Tokens
from ..spec import FinetuneSpec
from .methods import add_adapter, base_of, has_head, is_adapted, learn_start, placed

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def ready(
    model: "nn.Module", spec: FinetuneSpec, rows: Sequence[Tokens], labels: Sequence[str]
) -> "nn.Module":
    """Return the model with its adapter as it is before its first step, where it learns."""
    is_ready = is_adapted(model) or (spec.method == "full" and spec.head == has_head(model))
    base = base_of(model)
    tuned = model if is_ready else add_adapter(base, spec, n_labels=len(labels) or None)
    if spec.gradient_checkpointing:
        recompute_activations(base_of(tuned))
    tuned = placed(tuned, spec)
    learn_start(tuned, spec, rows)
    return tuned


def recompute_activations(base: "PreTrainedModel") -> None:
    """Keep only what enters a layer, and compute the rest again in the backward pass."""
    options = {"use_reentrant": False}  # the other kind needs inputs that learn
    if hasattr(base, "activation_checkpointing_enable"):
        base.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
    else:
        enable: Callable[..., None] = base.gradient_checkpointing_enable
        enable(gradient_checkpointing_kwargs=options)
