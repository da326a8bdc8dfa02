"""Which ways to int4 weights there are for a model."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import ExportError
from .architectures import BUILT, read_config
from .tuned import Tuned

METHODS = ("k_quant", "gptq", "repaired")
"""From the one that needs no data to the one that trains."""


def methods_for(whole: Tuned, asked: str, learned: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Return the methods to try in turn.

    Args:
        whole: The model as PyTorch has it.
        asked: A method, or `auto` for all that can be had, the cheapest first.
        learned: Training rows.

    Raises:
        ExportError: A method was asked for that this model cannot have.
    """
    reason = _reason_not_to(whole, learned)
    if asked == "auto":
        return METHODS[:1] if reason else METHODS
    if asked != "k_quant" and reason:
        raise ExportError(
            f"int4 must be found by k_quant for this model; got {asked!r}: {reason}.",
            hint="Use --int4 k_quant, or --precision int8.",
        )
    return (asked,)


def _reason_not_to(whole: Tuned, learned: Sequence[Sequence[int]]) -> str | None:
    """Return why calibration cannot have the model; None where it can."""
    if whole.learned or whole.labels:
        return "what the run learned is no weight of the model"
    if not learned:
        return "there are no training rows to go by"
    return _unknown_layers(whole.base)


def _unknown_layers(folder: Path) -> str | None:
    name = (read_config(folder).get("architectures") or ["unknown"])[0]
    return None if name in BUILT else f"the graph of {name} has other names than its modules"
