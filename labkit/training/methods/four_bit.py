"""A base model whose frozen weights are kept in 4 bits.

Dettmers et al., 2023, arXiv:2305.14314.
"""

from typing import TYPE_CHECKING, Any

from ...spec import FinetuneSpec
from ..slow_imports import show_bitsandbytes

if TYPE_CHECKING:
    import torch
    from torch import nn


PACKS = "support_avx512bf16_for_cpu"
"""Attribute of a 4-bit layer of bitsandbytes: whether it packs its weights to answer."""


def quantisation(spec: FinetuneSpec) -> Any:  # noqa: ANN401 - a BitsAndBytesConfig
    """Return how Transformers is to keep the weights; output layer and embedding stay whole."""
    import torch
    from transformers import BitsAndBytesConfig

    show_bitsandbytes()
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=spec.bnb_4bit_quant_type,
        bnb_4bit_use_double_quant=spec.bnb_4bit_use_double_quant,
        bnb_4bit_compute_dtype=torch.float32,  # until the run has chosen its precision
    )


def let_go_of_files(model: "nn.Module") -> None:
    """Copy the weights that are not in 4 bits out of the file they were read from.

    They are windows into it, and one window keeps all of the file in memory, as read.
    """
    for parameter in model.parameters():
        if getattr(parameter, "quant_state", None) is None:
            parameter.data = parameter.data.clone()


def compute_alike(model: "nn.Module") -> None:
    """Keep 4-bit layers from packing their weights anew for processors that know bf16 (AVX-512).

    There bitsandbytes answers in bf16 whatever it was told to compute in, so that a model answers
    otherwise than on other processors, and it fails where a layer's width is no multiple of 64.
    """
    layers: list[Any] = list(model.modules())
    for layer in layers:
        if hasattr(layer, PACKS):
            setattr(layer, PACKS, False)


def is_four_bit(model: "nn.Module") -> bool:
    """Tell whether a model has weights in 4 bits."""
    return bool(getattr(model, "is_loaded_in_4bit", False))


def compute_in(model: "nn.Module", dtype: "torch.dtype") -> None:
    """Let the 4-bit layers unpack their weights into `dtype` for each product."""
    layers: list[Any] = list(model.modules())
    for layer in layers:
        if getattr(layer, "compute_dtype", None) is not None:
            layer.compute_dtype = dtype
