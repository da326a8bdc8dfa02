"""The layers below the first that learns: where they end, what they compute, how to leave them out.

What they compute for a row is the same in each pass, so one pass is enough.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn

from . import batches
from .batches import Batch, LossSum
from .methods import base_of, head_of

LOSS_RTOL = 1e-5
"""Largest difference that leaving layers out may make to a loss, relative to the loss."""


@dataclass(frozen=True)
class Trunk:
    """The frozen layers of a model, the first one first."""

    model: nn.Module
    """The model with its adapter."""

    layers: tuple[nn.Module, ...]
    """Layers that nothing learns in or before."""

    n_layers: int
    """Layers of the model, those that learn included."""

    @classmethod
    def of(cls, model: nn.Module) -> "Trunk":
        """Return the trunk of a model; it has no layers where the first one learns."""
        base = base_of(model)
        count = base.config.get_text_config().num_hidden_layers
        lists = (m for m in base.modules() if isinstance(m, nn.ModuleList) and len(m) == count)
        layers = tuple(next(lists, ()))
        frozen = tuple(takewhile(_is_frozen, layers))
        return cls(model, frozen, len(layers))

    def states(self, batch: Batch) -> Tensor:
        """Return what enters the first layer that learns; the layers after it are not computed.

        Args:
            batch: From `pack` or `pad`.

        Returns:
            `(rows, length, hidden)` of a padded batch, `(1, n, hidden)` of a packed one.
        """
        states: Tensor = self._output(batch)
        return states

    def loss_sum(
        self,
        batch: Batch,
        head: nn.Module,
        states: Tensor,
        model: nn.Module,
        loss_sum: LossSum = batches.loss_sum,
    ) -> Tensor:
        """Return the loss of a batch as `loss_sum` does, from what enters the learning layers.

        Args:
            batch: From `pack` or `pad`.
            head: The model's output layer.
            states: From `states`.
            model: The model as it is to be called, in what wraps it.
            loss_sum: What is computed.
        """
        with _giving(self.layers, states):
            return loss_sum(model, batch, head)

    def obstacle(self, batch: Batch) -> str | None:
        """Return why these layers cannot be left out, tried on a batch; or None."""
        if not self.layers:
            return "the first layer of the model learns"
        with undisturbed(self.model):
            first, again = self._output(batch), self._output(batch)
        if not isinstance(first, Tensor):
            return "they hand on more than their states"
        if first.requires_grad:
            return "something before the last layers learns"
        if not torch.allclose(first, again):
            return "they draw random numbers (dropout)"
        return self._difference(batch, first)

    @torch.no_grad()
    def _difference(self, batch: Batch, states: Tensor) -> str | None:
        head, is_training = head_of(self.model), self.model.training
        self.model.eval()
        full = float(batches.loss_sum(self.model, batch, head))
        short = float(self.loss_sum(batch, head, states, self.model))
        self.model.train(is_training)
        if abs(full - short) <= LOSS_RTOL * abs(full):
            return None
        return f"without them the loss is {short:.6f} and not {full:.6f}"

    def _output(self, batch: Batch) -> Any:  # noqa: ANN401 - a layer's
        handle = self.layers[-1].register_forward_hook(_stop)
        try:
            self.model(**batches.inputs_of(batch), use_cache=False)
        except _Reached as reached:
            return reached.output
        finally:
            handle.remove()
        raise RuntimeError("the model did not come to its frozen layers")


def _is_frozen(layer: nn.Module) -> bool:
    return not any(p.requires_grad for p in layer.parameters())


class _Reached(Exception):  # noqa: N818 - no error: the way out of a forward pass
    """Carries the output of the last frozen layer out of the model."""

    def __init__(self, output: Any) -> None:  # noqa: ANN401 - a layer's
        super().__init__()
        self.output = output


def _stop(_layer: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 - a layer's
    raise _Reached(output)


@contextmanager
def _giving(layers: Sequence[nn.Module], states: Tensor) -> Iterator[None]:
    """Let layers return `states` instead of computing."""

    def give(*_args: Any, **_kwargs: Any) -> Tensor:  # noqa: ANN401 - a layer's
        return states

    before = [vars(layer).get("forward") for layer in layers]
    for layer in layers:
        vars(layer)["forward"] = give
    try:
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            del vars(layer)["forward"]
            if own is not None:
                vars(layer)["forward"] = own


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Let a model train for a moment; its random numbers are drawn as if it had not."""
    is_training = model.training
    model.train()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        model.train(is_training)
