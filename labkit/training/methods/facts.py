"""What a tuned model is made of: its base, its output layer, and how much of it learns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class AdapterFacts:
    """Size of what learns and of the model it is part of."""

    trainable: int
    """Parameters that learn."""

    total: int
    """All parameters, the base model's and the adapter's; tied weights count once."""

    bytes: int
    """Bytes of the parameters that learn."""


def adapter_facts(model: "nn.Module") -> AdapterFacts:
    """Count the parameters of a model that is ready to learn."""
    parameters = list(model.parameters())
    learning = [p for p in parameters if p.requires_grad]
    return AdapterFacts(
        trainable=sum(p.numel() for p in learning),
        total=sum(map(_count, parameters)),
        bytes=sum(p.numel() * p.element_size() for p in learning),
    )


def base_of(model: "nn.Module") -> "PreTrainedModel":
    """Return the model that an adapter sits on, the adapter's layers in it; of full, itself."""
    inner: Any = getattr(model, "get_base_model", None)
    return cast("PreTrainedModel", inner() if inner else model)


def head_of(model: "nn.Module") -> "nn.Module":
    """Return the layer that turns hidden states into logits; an encoder has none."""
    return cast("nn.Module", base_of(model).get_output_embeddings())  # type: ignore[no-untyped-call]


def embeds(model: "nn.Module") -> bool:
    """Tell whether a model is an encoder, which gives states and no logits."""
    return head_of(model) is None


def is_adapted(model: "nn.Module") -> bool:
    """Tell whether the model carries an adapter."""
    return hasattr(model, "get_base_model")


def _count(parameter: "Tensor") -> int:
    """Return the values of a weight; two of them share a byte in 4 bits."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else state.shape.numel()
