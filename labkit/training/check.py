"""Is the packed batch right for this model? Known obstacles first, then a computed proof."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from ..data import Tokens
from . import batches, packed
from .methods import base_of, has_head, head_of
from .virtual_tokens import learns_a_prompt

GRADIENTS = 2**24
"""Most values of the compared gradients; of more weights the smallest layers are compared."""

ROWS = 4
"""Rows of the comparison: few and short, so that it never needs more memory than a step."""

LOSS_ATOL = {"fp32": 1e-4, "bf16": 2e-2, "fp16": 5e-3}
"""Largest difference of the two losses, in nats per target token."""

GRADIENT_RTOL = {"fp32": 1e-5, "bf16": 5e-2, "fp16": 1e-2}
"""Largest distance of the two gradients, relative to the plain one's length."""


@dataclass(frozen=True)
class Comparison:
    """One loss and its gradient, computed by the packed and by the plain forward pass."""

    rows: int
    loss_packed: float
    loss_plain: float
    gradient_difference: float
    """Distance of the gradients relative to the plain one's length."""
    seconds_packed: float
    seconds_plain: float
    precision: str

    @property
    def equal(self) -> bool:
        """Whether both agree as far as the precision can tell; False for what is not a number."""
        near = abs(self.loss_packed - self.loss_plain) <= LOSS_ATOL[self.precision]
        return near and self.gradient_difference <= GRADIENT_RTOL[self.precision]

    def as_dict(self) -> dict[str, Any]:
        """Return the values of a `check` event."""
        return asdict(self) | {"equal": self.equal}


def obstacle(model: nn.Module, longest: int) -> str | None:
    """Return why this model's rows cannot be packed, or None.

    Args:
        model: The model with its adapter.
        longest: Tokens of the longest row.
    """
    base = base_of(model)
    config = base.config.get_text_config()
    if config._attn_implementation != "sdpa" or not base._can_set_attn_implementation():
        return f"{type(base).__name__} brings its own attention"
    if getattr(config, "use_bidirectional_attention", False):
        return f"{type(base).__name__} looks ahead in its attention"
    if learns_a_prompt(model):
        return "the adapter puts tokens of its own before each row"
    window = getattr(config, "sliding_window", None) or getattr(
        config, "attention_chunk_size", None
    )
    if window is not None and longest > window:
        return f"a row of {longest} tokens is longer than the attention window of {window}"
    return None


def dropout(model: nn.Module) -> float:
    """Return the largest dropout probability that training will use."""
    config = base_of(model).config.get_text_config()
    named = [getattr(config, name, 0.0) for name in ("attention_dropout", "attn_pdrop")]
    modules = [m.p for m in model.modules() if isinstance(m, nn.Dropout)]
    return float(max([*named, *modules, 0.0]))


def compare(
    model: nn.Module, rows: Sequence[Tokens], precision: str, *, share_prefix: bool = True
) -> Comparison:
    """Compute loss and gradient of the shortest of `rows` both ways; nothing is changed.

    Weights, `.grad`, the random state, training mode and attention are left as they were.
    """
    chosen = sorted(rows, key=lambda row: len(row.input_ids))[:ROWS]
    device = next(model.parameters()).device
    flat = batches.to_device(batches.pack(chosen, share_prefix=share_prefix), device)
    head = head_of(model)
    n_targets = sum(map(batches.n_targets, chosen))
    with _undisturbed(model), autocast(device, precision):
        plain = _measure(model, lambda: _plain_loss(model, chosen, device))
        with attention(model, packed.NAME):
            ours = _measure(model, lambda: batches.loss_sum(model, flat, head) / n_targets)
    return Comparison(
        rows=len(chosen),
        loss_packed=ours[0],
        loss_plain=plain[0],
        gradient_difference=_distance(ours[1], plain[1]),
        seconds_packed=ours[2],
        seconds_plain=plain[2],
        precision=precision,
    )


def _plain_loss(model: nn.Module, rows: Sequence[Tokens], device: torch.device | str) -> Tensor:
    """Return the mean loss of padded rows: the model's own, or of its head's labels."""
    if not has_head(model):
        loss: Tensor = model(**batches.to_device(batches.plain(rows), device)).loss
        return loss
    padded = batches.to_device(batches.pad(rows), device)
    return batches.loss_sum(model, padded, head_of(model)) / len(padded["targets"])


@contextmanager
def attention(model: nn.Module, name: str) -> Iterator[None]:
    """Give the base model another attention for a while."""
    base = base_of(model)
    before = base.config._attn_implementation
    packed.register()
    base.set_attn_implementation(name)
    try:
        yield
    finally:
        base.set_attn_implementation(before)


def _measure(model: nn.Module, loss: Callable[[], Tensor]) -> tuple[float, list[Tensor], float]:
    start = time.perf_counter()
    learning = _compared(model)
    value = loss()
    gradient = torch.autograd.grad(value, learning, allow_unused=True)
    kept = [
        g if g is not None else torch.zeros_like(p) for g, p in zip(gradient, learning, strict=True)
    ]
    return float(value.detach()), kept, time.perf_counter() - start


def _compared(model: nn.Module) -> list[nn.Parameter]:
    """Return the weights whose gradients are compared: those that learn, smallest first."""
    learning = [p for p in model.parameters() if p.requires_grad]
    if sum(p.numel() for p in learning) <= GRADIENTS:
        return learning
    ordered = sorted(learning, key=lambda p: p.numel())
    sums = accumulate(p.numel() for p in ordered)
    return [p for p, total in zip(ordered, sums, strict=True) if total <= GRADIENTS]


def _distance(ours: list[Tensor], plain: list[Tensor]) -> float:
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(ours, plain, strict=True))
    length = sum(float(b.double().square().sum()) for b in plain)
    return float((apart / length) ** 0.5) if length else float("inf")


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluate without dropout, and put random state and training mode back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        model.train(training)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Return a context in which matrix products are computed in a precision."""
    if precision == "fp32":
        return nullcontext()
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return torch.autocast(device.type, dtype)
