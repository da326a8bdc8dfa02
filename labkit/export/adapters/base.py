"""The base model that several adapters share: exported once, quantised, with places for them."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...runtime.folder import write_section
from .. import gates
from ..builder import export_once
from ..deploy import finish
from ..measure import size_bytes
from .asked import Bench, Sharing
from .record import Kept


def make_bases(bench: Bench) -> dict[str, dict[str, Any]]:
    """Make the base in the precisions that are missing; return the rungs that are refused."""
    missing = [name for name in bench.asked.precisions if bench.is_new(bench.kept(name))]
    bench.work.stage("export")
    full = _full(bench) if missing else bench.work.folder
    bench.work.stage("quantize")
    refused: dict[str, dict[str, Any]] = {}
    for precision in missing:
        rung = _rung(bench, full, precision)
        bench.work.emit("rung", name=precision, **rung)
        if rung["verdict"] == "refused":
            refused[precision] = rung
        else:
            _note(bench, precision, rung)
    return refused


def _full(bench: Bench) -> Path:
    """Return the base as fp32 ONNX."""
    base, full = bench.asked.base, bench.work.folder / "full"
    export_once(bench.work, base, full)
    return full


def _rung(bench: Bench, full: Path, precision: str) -> dict[str, Any]:
    """Make a precision; return what stands in metrics.json of it with nothing switched on."""
    folder = bench.work.folder / precision
    arguments = {"full": str(full), "out": str(folder), "precision": precision}
    bench.call(f"quantize {precision}", "steps.place", **arguments)
    alone = {"file": None, "answers": str(bench.answers(None)), "question": None}
    checked = bench.call(f"check {precision}", "steps.check", folder=str(folder), asked={"": alone})
    found = {"held_out": checked[""]["held_out"]}
    try:
        judged = verdict(precision, found, bench.asked)
    except ExportError:
        shutil.rmtree(bench.work.folder)  # nothing of this is worth going on with
        raise
    return {"engine": "onnx", "size_bytes": size_bytes(folder), **found, **judged}


def verdict(precision: str, found: dict[str, Any], asked: Sharing) -> dict[str, Any]:
    """Return `verdict` and `reasons` of what was found beside PyTorch.

    Raises:
        ExportError: fp32 is not exact, which no wish can allow.
    """
    if precision == "fp32":
        gates.gate_exported(found)
        return {"verdict": "passed", "reasons": []}
    return gates.verdict(precision, found, asked.gates, accept=asked.accept)


def _note(bench: Bench, precision: str, rung: dict[str, Any]) -> None:
    """Keep what is known of a base beside it; what was switched on before a stop stays."""
    kept, model = Kept(bench.work.folder / precision), bench.asked.model
    about = {"model": model, "fingerprint": bench.fingerprint}
    kept.note(precision=precision, **about, gates=asdict(bench.asked.gates), rung=rung)
    write_section(kept.folder, "base", about)


def publish(bench: Bench, kept: Kept) -> None:
    """Complete the folder of a base and move it to its place; one of other weights gives way."""
    precision, asked = kept.folder.name, bench.asked
    name = f"{Path(asked.model).name}-{precision}"
    finish(kept.folder, {"name": name, "model": asked.model, "base": asked.base, "settings": None})
    place = bench.out / precision
    shutil.rmtree(place, ignore_errors=True)
    kept.folder.rename(place)


def refused_base(refused: dict[str, dict[str, Any]]) -> ExportError:
    """Return the error that says why no base could be kept."""
    name, rung = next(iter(refused.items()))
    hint = "Take a higher precision, or keep it with --accept."
    return ExportError(f"The base in {name} is beyond its gate. {rung['reasons'][0]}", hint)
