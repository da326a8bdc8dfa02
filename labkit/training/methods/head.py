"""A classification head: one output a label, in the place of one output a token.

The model stays a causal language model, so that batches, loss and training are as for text: a row
is a prompt and the number of its label.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SpecError
from ...files import write_json
from ...spec import FinetuneSpec
from .facts import base_of, embeds, head_of

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

FILE = "labels.json"
"""File beside the learned weights: the labels in the order of the head's outputs."""


def put_head(model: "PreTrainedModel", n_labels: int) -> "PreTrainedModel":
    """Replace the output layer by a new one `(n_labels, hidden)`, drawn from the random state.

    The scores are those of Transformers' models for sequence classification with these weights.
    """
    import torch

    old, config = head_of(model), model.config.get_text_config()
    weight: torch.Tensor = old.weight  # type: ignore[assignment]
    head = torch.nn.Linear(weight.shape[1], n_labels, bias=False, device=weight.device)
    torch.nn.init.normal_(head.weight, std=getattr(config, "initializer_range", None) or 0.02)
    for part in {id(c): c for c in (model.config, config)}.values():
        part.tie_word_embeddings = False
        if getattr(part, "final_logit_softcapping", None) is not None:
            part.final_logit_softcapping = None  # bounds the logits of tokens
    model.set_output_embeddings(head)  # type: ignore[no-untyped-call]
    return model


def has_head(model: "nn.Module") -> bool:
    """Tell whether a model answers with a label, not with a token."""
    if embeds(model):
        return False
    embedding = base_of(model).get_input_embeddings()
    n_outputs: int = head_of(model).weight.shape[0]  # type: ignore[index, assignment]
    n_tokens: int = embedding.weight.shape[0]  # type: ignore[index, assignment]
    return n_outputs != n_tokens


def check_head(spec: FinetuneSpec, n_labels: int | None) -> None:
    """Refuse a head that the method has no room for, or that nobody gave labels.

    Raises:
        SpecError: One of these is so.
    """
    if spec.head and spec.method in ("prompt_tuning", "prefix_tuning"):
        raise SpecError(
            f"head must be false for the method {spec.method}; got true.",
            hint="It trains nothing but its virtual tokens; method lora trains a head as well.",
        )
    if spec.head and n_labels is None:
        raise SpecError(
            "head must be false for rows without labels; got true.",
            hint="Take rows of a classification, or leave head out.",
        )


def write_labels(folder: Path, labels: Sequence[str]) -> None:
    """Keep the labels beside the weights that tell them apart."""
    write_json(folder / FILE, list(labels))


def read_labels(folder: Path) -> tuple[str, ...]:
    """Return the labels that a head tells apart."""
    return tuple(json.loads((folder / FILE).read_text(encoding="utf-8")))
