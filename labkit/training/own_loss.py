"""A loss of one's own: a function of the model's output and the batch, tried before the first step.

The function is given what a Transformers model gives and takes, so rows are padded:

* `model_output.logits` `(rows, length, vocabulary)`; `hidden_states` as well, where the function
  has an attribute `output_hidden_states = True`;
* `batch` with `input_ids`, `attention_mask` and `labels`, each `(rows, length)` int64; a label is
  -100 where there is no loss, and the logits at `t - 1` predict the label at `t`.

It returns the mean loss of the batch, one number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..data import Tokens
from ..errors import LabError, SpecError
from . import batches
from .batches import IGNORE_INDEX, Batch

Function = Callable[[Any, Batch], Tensor]
"""`(model_output, batch)` to the mean loss of the batch."""

HINT = "A loss is a function (model_output, batch) that returns one number, as loss.mean() does."


@dataclass(frozen=True)
class OwnLoss:
    """A function as a loss, with its name for what it does wrong."""

    name: str
    """The function's name."""

    function: Function
    """What is computed."""

    def loss_sum(self, model: nn.Module, batch: Batch, head: nn.Module) -> Tensor:
        """Return the loss of a padded batch, as often as the batch has items."""
        del head  # all positions are computed
        return self.mean(model, batch) * batches.n_items(batch)

    def mean(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return what the function gives for a padded batch."""
        wants = bool(getattr(self.function, "output_hidden_states", False))
        options = {"output_hidden_states": True} if wants else {}
        output = model(**batches.inputs_of(batch), use_cache=False, **options)
        length = batch["input_ids"].shape[1]
        output.logits = output.logits[:, -length:].float()  # a trained prompt stands before it
        return self.function(output, labelled(batch))

    def check(self, model: nn.Module, rows: Sequence[Tokens], pad_token_id: int) -> None:
        """Try the loss on some rows and on one alone; the model and its gradients stay as they are.

        Raises:
            SpecError: What the function gives is no loss.
        """
        device = next(model.parameters()).device
        with torch.random.fork_rng():
            for part in (rows, rows[:1]):
                padded = batches.pad(part, pad_token_id=pad_token_id)
                self._try(model, batches.to_device(padded, device))

    def _try(self, model: nn.Module, batch: Batch) -> None:
        before = {name: tuple(value.shape) for name, value in labelled(batch).items()}
        shapes = ", ".join(f"{name} {shape}" for name, shape in before.items())
        try:
            loss = self.mean(model, batch)
        except LabError:
            raise
        except Exception as error:  # a reader's function may raise anything
            said = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]:.200}"
            raise self._wrong(f"raised {said} (given {shapes})") from error
        after = {name: tuple(batch[name].shape) for name in ("input_ids", "attention_mask")}
        if any(before[name] != shape for name, shape in after.items()):
            raise self._wrong(f"changed the shapes of its batch from {before} to {after}")
        self._check_value(loss)
        self._check_gradient(model, loss)

    def _check_value(self, loss: object) -> None:
        if not isinstance(loss, Tensor):
            raise self._wrong(f"gave {loss!r:.80} ({type(loss).__name__}), not a tensor")
        if loss.shape != ():
            raise self._wrong(f"gave a tensor of shape {tuple(loss.shape)}, not one number")
        if not loss.isfinite():
            raise self._wrong(f"gave {loss.item()}, not a finite number")

    def _check_gradient(self, model: nn.Module, loss: Tensor) -> None:
        learning = [p for p in model.parameters() if p.requires_grad]
        if not loss.requires_grad:
            raise self._wrong(
                "gave a number without a gradient: what it is made of was detached, turned into "
                "numbers (item, numpy, argmax) or does not use model_output"
            )
        gradients = torch.autograd.grad(loss, learning, allow_unused=True)
        found = [gradient for gradient in gradients if gradient is not None]
        if not found:
            raise self._wrong("gave a number that does not depend on the weights that learn")
        if not all(bool(gradient.isfinite().all()) for gradient in found):
            raise self._wrong("has a gradient that is not a finite number")

    def _wrong(self, what: str) -> SpecError:
        return SpecError(f"The loss {self.name} {what}; nothing was trained.", hint=HINT)


def labelled(batch: Batch) -> Batch:
    """Return what a function is given of a padded batch: ids, mask and labels."""
    labels = torch.full_like(batch["input_ids"], IGNORE_INDEX)
    labels.view(-1)[batch["positions"] + 1] = batch["targets"]
    return {
        "input_ids": batch["input_ids"],
        "attention_mask": batch["attention_mask"],
        "labels": labels,
    }
