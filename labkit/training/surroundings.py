"""What surrounds a training: silence, seeds, and code of others that must not disturb it."""

import logging
import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Transformers and PEFT tell about themselves; errors still come through."""
    from transformers.utils import logging as transformers_logging

    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for module in ("transformers", "peft", "accelerate", "torch"):
                warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
            yield
    finally:
        transformers_logging.set_verbosity(before)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed everything and prefer algorithms that always add in the same order."""
    import torch
    from transformers import set_seed

    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time
    set_seed(seed)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def undisturbing(
    on_evaluate: "Callable[[nn.Module, int], None]",
) -> "Callable[[nn.Module, int], None]":
    """Let a callback use the model as a plain one, and the random state as it likes."""
    import numpy as np
    import torch

    from .check import attention

    def call(model: "nn.Module", step: int) -> None:
        states = random.getstate(), np.random.get_state()
        try:
            with torch.random.fork_rng(), attention(model, "sdpa"):
                on_evaluate(model, step)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])

    return call
