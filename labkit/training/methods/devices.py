"""Where a model computes: on the processor, on one GPU, or its blocks spread over several.

Spread over several GPUs (`device_map: auto`), a model larger than each of them can learn: the
blocks compute one after another, each on the device that holds it, by hooks of Accelerate.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from .facts import base_of

if TYPE_CHECKING:
    from ...spec import FinetuneSpec

Model = TypeVar("Model", bound=nn.Module)


def device() -> str:
    """Return where a model is put that fits on one device."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def placed(model: Model, spec: "FinetuneSpec | None" = None) -> Model:
    """Return the model itself, on its device, or on all where the settings say so.

    Args:
        model: A model, with its adapter if it has one.
        spec: The settings; None puts it on one device.
    """
    if spec is None or spec.device_map is None or torch.cuda.device_count() < MANY:
        return model.to(device())
    from accelerate import infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    base = base_of(model)
    blocks = [*(base._no_split_modules or ())]
    room = get_balanced_memory(base, no_split_module_classes=blocks)
    return spread(model, infer_auto_device_map(base, room, no_split_module_classes=blocks))


MANY = 2
"""Devices from which on there is something to spread."""


def spread(model: Model, device_map: Mapping[str, int | str]) -> Model:
    """Return the model itself, its parts on the devices of a map, and what they read sent there.

    Args:
        model: A model, with its adapter if it has one.
        device_map: Device by the name of a part of the base model.
    """
    from accelerate import dispatch_model

    dispatch_model(base_of(model), dict(device_map), force_hooks=True)
    return model
