"""The state a model is measured in: no dropout, no gradients, with or without its adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ..errors import RunError
from .kinds import Model

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """Switch dropout and gradients off inside the block, and put them back after it."""
    import torch

    was_training = model.training
    if was_training:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if was_training:
            model.train()


@contextmanager
def without_adapter(model: Model) -> Iterator[None]:
    """Let a PEFT model answer as its base model inside the block.

    Raises:
        RunError: The model carries no adapter, so its base is not in it.
    """
    if not hasattr(model, "disable_adapter"):
        raise RunError(
            f"A {type(model).__name__} has no adapter to switch off, so it holds no base model.",
            hint="Load the base model and evaluate it by itself.",
        )
    with model.disable_adapter():
        yield


def base_and_tuned(model: Model, measure: Callable[[Model], Result]) -> tuple[Result, Result]:
    """Measure a PEFT model twice: without its adapter, then with it."""
    with without_adapter(model):
        base = measure(model)
    return base, measure(model)


def device_of(model: Model) -> torch.device:
    """Return the device of the model's first weight."""
    device: torch.device = next(model.parameters()).device
    return device
