"""What a run learned, folded into its base model's own weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ...errors import RunError
from ...spec import FinetuneSpec
from ..virtual_tokens import learns_a_prompt
from .facts import base_of, is_adapted
from .four_bit import is_four_bit
from .head import has_head
from .loading import load_base, load_tuned

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def merge(model: "nn.Module", *, keeps_head: bool = False) -> "PreTrainedModel":
    """Return the base model with the adapter added into its weights; changes `model`.

    Args:
        model: What `load_tuned` returned.
        keeps_head: Let a classification head be; else a model with one is refused.

    Raises:
        RunError: What was learned is no change of the base's weights, or these are in 4 bits.
        ValueError: A merged weight is not finite.
    """
    reason = _obstacle(model, keeps_head)
    if reason is not None:
        raise RunError(
            f"What was learned cannot be merged into the base model's weights: {reason}.",
            hint="Use it beside the base model, with load_tuned.",
        )
    if not is_adapted(model):
        return cast("PreTrainedModel", model)
    _untie(model)
    adapted: Any = model
    whole = adapted.merge_and_unload()  # in place: a sum beside each weight would double them
    _check_finite(whole)
    return cast("PreTrainedModel", whole)


def load_merged(folder: Path, learned: Path, spec: FinetuneSpec) -> "PreTrainedModel":
    """Return the base model in fp32 with what a run learned in its weights, ready to answer.

    Raises:
        RunError: The method learned no change of weights.
    """
    if spec.method == "full":
        return merge(load_tuned(folder, learned, spec))
    trusted = spec.trust_remote_code
    base = load_base(folder, trust_remote_code=trusted, encoder=spec.embeds)
    merged: Any = merge(load_tuned(folder, learned, spec, base=base))
    return cast("PreTrainedModel", merged.eval())


def _obstacle(model: "nn.Module", keeps_head: bool) -> str | None:
    """Return why a model cannot be merged, or None."""
    if learns_a_prompt(model):
        return "the method trains tokens before the prompt and changes no weight"
    if any(type(module).__name__ == "Bottleneck" for module in model.modules()):
        return "a bottleneck adapter is not linear, so no weight can hold it"
    if has_head(model) and not keeps_head:
        return "its head has one output a label, and a language model one a token"
    if is_four_bit(model):
        return "the base is in 4 bits, which would round the sum; merge into the base in fp32"
    return None


def _check_finite(model: "nn.Module") -> None:
    import torch

    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise ValueError(f"The merged weight {name} must be finite; it holds NaN or infinity.")


def _untie(model: "nn.Module") -> None:
    """Give output layer and embedding a weight each where one of them has learned apart.

    They shared one tensor; merged into it, what one of them learned would change the other, and
    saved as tied, one of them would be lost.
    """
    import torch

    base = base_of(model)
    config = base.config.get_text_config()
    ends = base.get_input_embeddings(), base.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not config.tie_word_embeddings or not any(map(_is_wrapped, ends)):
        return
    head = getattr(ends[1], "base_layer", getattr(ends[1], "original_module", ends[1]))
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    for part in (base.config, config):
        part.tie_word_embeddings = False


def _is_wrapped(module: "nn.Module") -> bool:
    """Tell whether PEFT has put something of its own in a layer's place."""
    return hasattr(module, "base_layer") or hasattr(module, "original_module")
