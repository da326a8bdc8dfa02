"""Which ways to int4 weights there are for a model, and the steps of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..machine import memory_limit
from .architectures import BUILT, read_config
from .builder import fp32_bytes
from .held_out import HeldOut, as_lists
from .quantize.packed import BLOCK_SIZE
from .state import Ladder
from .tuned import Tuned
from .work import Work

METHODS = ("k_quant", "gptq", "repaired")
"""From the one that needs no data to the one that trains."""

NEEDS = {"k_quant": 0.0, "gptq": 3.0, "repaired": 6.0}
"""Memory of a method, as a multiple of what the model takes in fp32."""

N_STEPS, N_IN_PART = 240, 40
"""Steps of a repair, and those taken in one go: a stop loses no more."""

N_AVERAGED = 3
"""Parts whose scales are averaged in the end: what they reach in the last half of the steps."""


def methods_for(whole: Tuned, asked: str, learned: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Return the methods to try in turn.

    Args:
        whole: The model as PyTorch has it.
        asked: A method, or `auto` for all that can be had, the cheapest first.
        learned: Training rows.

    Raises:
        ExportError: A method was asked for that this model cannot have.
    """
    reasons = {method: _reason_not_to(method, whole, learned) for method in METHODS}
    if asked == "auto":
        return tuple(method for method in METHODS if not reasons[method])
    if reasons[asked]:
        best = [method for method in METHODS if not reasons[method]][-1]
        raise ExportError(
            f"int4 cannot be found by {asked} for this model: {reasons[asked]}.",
            hint=f"Use --int4 {best}, or --precision int8.",
        )
    return (asked,)


def find_grids(ladder: Ladder, method: str, *, repairs: bool) -> tuple[dict[str, Any], Path | None]:
    """Find int4 weights by a method.

    Args:
        ladder: Whose weights.
        method: Of `METHODS`.
        repairs: Whether `repaired` is this method or may follow: it reads more texts.

    Returns:
        How they were found, and the file that holds them; `k_quant` needs none.
    """
    if method == "k_quant":
        return {"method": method, "block_size": BLOCK_SIZE}, None
    assert ladder.whole is not None
    work, file = ladder.work, ladder.work.folder / "gptq.safetensors"
    known = sources(work, ladder.whole.base, ladder.held_out, ladder.request.seed)
    work.call_long("texts", "calibrate.steps.write_texts", sources=known, repaired=repairs)
    how = work.call_long("gptq", "calibrate.steps.calibrate", sources=known, out=str(file))
    if method == "repaired":
        file, losses = repair(work, known, file)
        how = {**how, "method": method, "n_steps": len(losses), "losses": losses}
    return how, file


def sources(work: Work, folder: Path, held_out: HeldOut, seed: int) -> dict[str, Any]:
    """Return what int4 weights are found by, see `calibrate.find.Sources`."""
    rows, texts = as_lists(held_out.learned), work.folder / "texts.json"
    return {"folder": str(folder), "rows": rows, "texts": str(texts), "seed": seed}


def repair(work: Work, known: dict[str, Any], grids: Path) -> tuple[Path, list[float]]:
    """Train the grids in a file, some steps at a time; return the file of their mean, all losses.

    One part ends a little off in one direction, the next in another; their mean is nearer than each
    (Izmailov et al., 2018, "Averaging Weights Leads to Wider Optima", arXiv:1803.05407).
    """
    losses, parts = list[float](), list[Path]()
    for start in range(0, N_STEPS, N_IN_PART):
        part = [start, min(start + N_IN_PART, N_STEPS), N_STEPS]
        out = work.folder / f"repaired-{part[1]}.safetensors"
        ways = {"sources": known, "grids": str(grids), "out": str(out), "part": part}
        losses += work.call_long(f"repair from {start}", "calibrate.steps.repair", **ways)
        grids = out
        parts.append(out)
    mean, last = work.folder / "repaired.safetensors", [str(file) for file in parts[-N_AVERAGED:]]
    work.call("mean of the scales", "calibrate.steps.average", files=last, out=str(mean))
    return mean, losses


def _reason_not_to(method: str, whole: Tuned, learned: Sequence[Sequence[int]]) -> str | None:
    """Return why a model cannot have a method; None where it can."""
    if method == "k_quant":
        return None
    if whole.learned or whole.labels:
        return "what the run learned is no weight of the model"
    if not learned:
        return "there are no training rows to go by"
    needed, there = NEEDS[method] * fp32_bytes(whole.base), memory_limit()
    if needed > there:
        return (
            f"it needs about {needed / 2**30:.1f} GiB of memory, and there are {there / 2**30:.1f}"
        )
    return _unknown_layers(whole.base)


def _unknown_layers(folder: Path) -> str | None:
    name = (read_config(folder).get("architectures") or ["unknown"])[0]
    return None if name in BUILT else f"the graph of {name} has other names than its modules"
