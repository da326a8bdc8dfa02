"""Refuse an exported model that differs too much from the one it came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

from ..errors import ExportError
from .check import Parity

ATOL = 1e-2
"""Largest logit difference between PyTorch and fp32 ONNX."""

ATOL_RELOADED = 1e-4
"""Largest logit difference between a model and the same one read from the disk."""

MAX_KL_FP32 = 1e-6
"""Largest mean divergence of fp32 ONNX, in nats per token."""

MAX_P = 0.1
"""A loss likelier than this by chance is not held against the quantised model."""


USABLE = ("passed", "accepted")
"""Verdicts on what may be used."""


@dataclass(frozen=True)
class Gates:
    """How far a quantised model may be from the tuned one, on the run's held-out rows."""

    max_kl: float = 0.05
    """Largest mean divergence, nats per token."""

    min_top1: float = 0.9
    """Smallest share of tokens whose likeliest next token is the same."""

    max_drop: float = 0.02
    """How much of the task's metric may be lost, beyond what chance explains."""


def verdict(name: str, rung: Mapping[str, Any], gates: Gates, *, accept: bool) -> dict[str, Any]:
    """Return `verdict` and `reasons` of a quantised rung; `accept` keeps what is beyond a gate."""
    why = reasons(name, rung, gates)
    beyond = "accepted" if accept else "refused"
    return {"verdict": beyond if why else USABLE[0], "reasons": why}


def reasons(name: str, rung: Mapping[str, Any], gates: Gates) -> list[str]:
    """Return why a quantised rung is refused, a sentence for each gate; none where it passes.

    Args:
        name: The rung's precision.
        rung: What was measured: `held_out`, and `metric` where answers were scored.
        gates: The limits.
    """
    return [*_distance_reasons(name, judged(rung), gates), *_metric_reasons(name, rung, gates)]


def judged(rung: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the comparison that a rung is judged by.

    A run on a base in 4 bits is merged into the base in full. How far that takes the model is
    told; what an export adds to it is judged, by comparison with the merged model.
    """
    found: Mapping[str, Any] = rung.get("from_merged") or rung["held_out"]
    return found


def _distance_reasons(name: str, found: Mapping[str, Any], gates: Gates) -> Iterator[str]:
    kl, top1 = float(found["kl"]), float(found["top1_agreement"])
    if not kl <= gates.max_kl:  # a NaN must not pass
        rule = f"The mean KL of {name} must be at most {gates.max_kl:g} nats per token"
        yield f"{rule}; got {kl:.3g}."
    if not top1 >= gates.min_top1:
        rule = f"The likeliest token of {name} must stay the same for {gates.min_top1:g} of all"
        yield f"{rule}; got {top1:.3f}."


def _metric_reasons(name: str, rung: Mapping[str, Any], gates: Gates) -> Iterator[str]:
    metric = rung.get("metric") or {}
    lost = float(metric.get("lost", 0.0))
    if lost > gates.max_drop and metric["p_value"] < MAX_P:
        found = f"{lost:.3f} to {metric['value']:.3f}, n = {metric['n']}"
        yield f"{name} may lose {gates.max_drop:g} of {metric['name']}; it lost {found}."


def gate_exported(rung: Mapping[str, Any]) -> None:
    """Raise unless an fp32 rung answers as PyTorch does, on the run's own rows and on our text."""
    gate_fp32(Parity(**judged(rung)))
    text = rung.get("text_from_merged") or rung.get("text")
    if text:
        gate_fp32(Parity(**text), "the fixed text")


def gate_fp32(parity: Parity, rows: str = "the held-out rows") -> None:
    """Raise unless fp32 ONNX answers as PyTorch does; `rows` says on what."""
    hint = "The export is wrong; keep its log and use the PyTorch model."
    for name, found, limit in (
        ("largest logit difference", parity.max_abs_logit_diff, ATOL),
        ("mean KL in nats per token", parity.kl, MAX_KL_FP32),
    ):
        if not found <= limit:  # a NaN must not pass
            rule = f"On {rows} the {name} of fp32 ONNX must be at most {limit:g}"
            raise ExportError(f"{rule}; got {found:.3g}.", hint)
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


def sign_test(lost: int, won: int) -> float:
    """Return the chance that a fair coin loses `lost` or more of `lost + won` flips."""
    flips = lost + won
    return float(sum(comb(flips, n) for n in range(lost, flips + 1)) / 2**flips)
