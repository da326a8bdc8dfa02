"""The parity ladder: base, adapter, merged, ONNX fp32, int8, int4, each beside the adapter."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..spec.optimize import PRECISIONS
from . import gates
from .held_out import HeldOut
from .kept import kept_folders, last_climb
from .making import make, reference
from .measure import measure_latency
from .publish import publish
from .request import Request, check_request
from .state import Ladder
from .tuned import Tuned
from .work import Emit, Work, resumable


def climb(
    tuned: Tuned, out: Path, request: Request, *, held_out: HeldOut, emit: Emit
) -> dict[str, Any]:
    """Make the rungs asked for in `out`, each checked against the tuned model and measured.

    What earlier climbs left there of the same weights and rows is kept: rungs that are done, and
    in `out/work` the steps of a climb that was stopped or failed.

    Args:
        tuned: Base model, not quantised, and what a run learned; or a whole model alone.
        out: The export's folder; a rung's own folder appears in it when it is done.
        request: Precisions, gates, target.
        held_out: Rows to compare on and, with references, to score answers on.
        emit: Receives `stage` and `rung` events.

    Returns:
        What metrics.json holds: every number, in bytes, seconds and nats.

    Raises:
        ExportError: A step failed, fp32 ONNX differs from PyTorch, or no rung passed its gate.
    """
    prints = check_request(tuned, out, request, held_out)
    there = kept_folders(out, prints)
    missing = [name for name in request.precisions if name not in there]
    stages = tuple(_stages(tuned, request, missing, there))
    work = Work(out / "work", out / "export.log", emit, stages)
    last = last_climb(out, prints, there)
    ladder = Ladder(tuned, out, request, held_out, prints, work, last, there)
    with resumable(work.folder, prints.all):
        if missing:
            reference(ladder)
        for name in missing:
            make(ladder, name)
        judge(ladder)
        if missing:
            measure(ladder)
        return publish(ladder)


def _stages(
    tuned: Tuned, request: Request, missing: list[str], there: dict[str, Path]
) -> Iterator[str]:
    if missing:
        yield "merge" if tuned.merges else "answer"
        if "fp32" not in there:
            yield from ("export", "check fp32")
        for name in missing:
            if name != "fp32":
                yield from (f"quantize {name}", f"check {name}")
        yield "measure"
    if request.tune_seconds:
        yield "tune"


def judge(ladder: Ladder) -> None:
    """Say of each rung asked for whether it passes; raise when none does."""
    names = ladder.request.precisions
    for name in names:
        if name != "fp32":
            rung, asked = ladder.rungs[name], ladder.request
            ladder.note(name, **gates.verdict(name, rung, asked.gates, accept=asked.accept))
    if all(ladder.rungs[name]["verdict"] == "refused" for name in names):
        _refuse(ladder, names[0])


def _refuse(ladder: Ladder, name: str) -> None:
    """Raise with the first reason, and the nearest precision that is shown to pass."""
    reasons = ladder.rungs[name]["reasons"]
    between = PRECISIONS[1 : PRECISIONS.index(name)]
    for other in reversed(between):
        if other not in ladder.there:
            make(ladder, other)
        if not gates.reasons(other, ladder.rungs[other], ladder.request.gates):
            ladder.note(other, verdict="passed", reasons=[])
            raise ExportError(" ".join(reasons), _instead(other, ladder.rungs[other]))
    raise ExportError(" ".join(reasons), _instead("fp32", ladder.rungs["fp32"]))


def _instead(name: str, rung: dict[str, Any]) -> str:
    kl = float(gates.judged(rung)["kl"])
    return f"Use precision {name}, which passes with a KL of {kl:.2g}; or keep this with --accept."


def measure(ladder: Ladder) -> None:
    """Measure PyTorch and every rung that may be used, in turns."""
    ladder.work.stage("measure")
    whole = ladder.whole
    assert whole is not None
    models: dict[str, Path | Tuned] = {"merged" if ladder.tuned.merges else "adapter": whole}
    target = ladder.request.runs_on
    found = measure_latency({**models, **ladder.kept}, log=ladder.work.log, target=target)
    for name, latency in found.items():
        ladder.note(name, latency=asdict(latency))
