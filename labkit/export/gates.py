"""Refuse an exported model that differs too much from the one it came from."""

from math import comb

import numpy as np
import numpy.typing as npt

from ..errors import ExportError
from .check import Parity

ATOL = 1e-2
"""Largest logit difference between PyTorch and fp32 ONNX."""

ATOL_RELOADED = 1e-4
"""Largest logit difference between a model and the same one read from the disk."""

MAX_KL_FP32 = 1e-6
"""Largest mean divergence of fp32 ONNX, in nats per token."""

MAX_DROP = {"int8": 0.02, "int4": 0.05}
"""Accuracy on held-out rows that quantisation may cost."""

MAX_P = 0.1
"""A loss likelier than this by chance is not held against the quantised model."""

MAX_KL = {"int8": 0.05, "int4": 0.5}
"""Largest mean divergence, in nats per token, where there are no labels to count."""

Correct = npt.NDArray[np.bool_]


def gate_fp32(parity: Parity) -> None:
    """Raise unless fp32 ONNX answers as PyTorch does."""
    hint = "The export is wrong; keep its log and use the PyTorch model."
    for name, found, limit in (
        ("largest logit difference", parity.max_abs_logit_diff, ATOL),
        ("mean KL in nats per token", parity.kl, MAX_KL_FP32),
    ):
        if not found <= limit:  # a NaN must not pass
            problem = f"The {name} of fp32 ONNX must be at most {limit:g}; got {found:.3g}."
            raise ExportError(problem, hint)
    if parity.first_difference is not None:
        at = parity.first_difference + 1
        raise ExportError(f"Greedy token {at} of fp32 ONNX is not the one of PyTorch.", hint)


def gate_merged(merged: Parity, reloaded: Parity, *, is_exact: bool) -> None:
    """Raise unless a merged model answers as before, and its files as the model in memory.

    Args:
        merged: Of the merged model with the tuned one.
        reloaded: Of the merged model read from the disk with the one that was written.
        is_exact: False where the run trained on a base in 4 bits: the merged model has the base's
            own weights, and how far that takes it is told, not refused.
    """
    hint = "Keep the adapter on its base model; the run's log has more."
    for name, found, limit in (
        ("read from the disk", reloaded.max_abs_logit_diff, ATOL_RELOADED),
        ("with the adapter merged", merged.max_abs_logit_diff if is_exact else 0.0, ATOL),
    ):
        if not found <= limit:
            rule = f"The logits of the model {name} may differ by {limit:g}"
            raise ExportError(f"{rule}; got {found:.3g}.", hint)


def gate_accuracy(precision: str, before: Correct, after: Correct) -> None:
    """Raise when quantisation costs more right answers than allowed, and than chance explains.

    Rows that a model can hardly decide flip both ways when weights are rounded; only a loss in
    one direction (sign test over the flipped rows) is the quantisation's damage.

    Args:
        precision: "int8" or "int4".
        before: `(rows,)` whether fp32 answers each row right.
        after: The same for the quantised model.
    """
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    if lost - won > MAX_DROP[precision] * len(before) and sign_test(lost, won) < MAX_P:
        hint = "Use precision int8." if precision == "int4" else "Use precision fp32."
        found = f"{after.mean():.3f} after {before.mean():.3f} in fp32, n={len(before)}"
        rule = f"{precision} may lose {MAX_DROP[precision]:.2f} of accuracy"
        raise ExportError(f"{rule}; got {found}.", hint)


def sign_test(lost: int, won: int) -> float:
    """Return the chance that a fair coin loses `lost` or more of `lost + won` flips."""
    flips = lost + won
    return float(sum(comb(flips, n) for n in range(lost, flips + 1)) / 2**flips)


def gate_divergence(precision: str, parity: Parity) -> None:
    """Raise when a quantised model strays too far; used where no labels can be counted."""
    if not parity.kl <= MAX_KL[precision]:
        hint = "Use precision int8." if precision == "int4" else "Use precision fp32."
        rule = f"The mean KL of {precision} must be at most {MAX_KL[precision]} nats per token"
        raise ExportError(f"{rule}; got {parity.kl:.3f}.", hint)
