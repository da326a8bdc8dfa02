"""Measure the installed targets on a model and take the quickest that answers the same."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import LabError
from ..runtime.session import Settings
from ..runtime.targets import Target, installed
from .candidates import answer_seconds
from .child import call
from .work import Emit

MAX_KL = 0.05
"""Mean divergence, in nats per token, up to which a target gives the processor's answers."""


def pick(folder: Path, emit: Emit, *, log: Path) -> dict[str, Any]:
    """Return the quickest installed target that gives the processor's answers.

    Args:
        folder: Holds the model.
        emit: Receives a `tune` event for each target.
        log: Output of the measurements is appended here.

    Returns:
        `target`; `measured`: seconds, divergence and fallback of each target; `reason`.
    """
    targets = installed()
    if len(targets) == 1:
        return {"target": "cpu", "measured": {}, "reason": "Only the target cpu is installed."}
    with TemporaryDirectory() as kept:
        found = dict(_asked(folder, targets, Path(kept), log))
    for name, of in found.items():
        emit("tune", target=name, **of)
    took = {name: answer_seconds(of) for name, of in found.items() if "kl" in of}
    best = min((name for name in took if found[name]["kl"] <= MAX_KL), key=took.__getitem__)
    others = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items())
    return {"target": best, "measured": found, "reason": f"An answer takes: {others}."}


def _asked(
    folder: Path, targets: list[Target], kept: Path, log: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was measured of each target, or why it cannot be used."""
    for target in targets:
        arguments = {"folder": str(folder), "settings": asdict(Settings(target=target.name))}
        logits = kept / f"{target.name}.npy"
        try:
            found, peak = call("tune", "time_settings", log=log, keep=str(logits), **arguments)
        except LabError as error:
            yield target.name, {"refused": error.problem}
        else:
            del found["tokens"]
            apart = {"kl": divergence(kept / "cpu.npy", logits), "peak_bytes": peak}
            yield target.name, found | apart


def divergence(wanted: Path, found: Path) -> float:
    """Return the mean KL, in nats per token, of kept logits from those of the processor."""
    import numpy as np

    from ..runtime import log_softmax

    expected, other = log_softmax(np.load(wanted)), log_softmax(np.load(found))
    return float((np.exp(expected) * (expected - other)).sum(-1).mean())
