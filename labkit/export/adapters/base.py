"""The base model that several adapters share: exported once, quantised, with places for them."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...runtime.folder import write_section
from ..builder import export_onnx
from ..check import Parity
from ..deploy import finish
from ..gates import gate_fp32, reasons
from ..measure import size_bytes
from .asked import Bench, Sharing
from .record import Kept
from .sites import add_inputs


def make_bases(bench: Bench, asked: Sharing, fingerprint: str) -> dict[str, str]:
    """Make the base in the precisions that are missing; return why some are refused.

    Args:
        bench: Where to work; PyTorch's answers are there.
        asked: The base and its precisions.
        fingerprint: Of the base's weights.
    """
    kept = {precision: Kept(bench.out / precision) for precision in asked.precisions}
    missing = [precision for precision, of in kept.items() if not of.holds(fingerprint)]
    bench.stage("export")
    full = _full(bench, asked) if missing else bench.folder
    bench.stage("quantize")
    refused: dict[str, str] = {}
    for precision in reversed(missing):  # fp32 last: the others are made from it
        folder = _with_places(bench, full, precision)
        rung = _rung(bench, asked, folder, precision)
        bench.emit("rung", name=precision, **rung)
        if rung["verdict"] == "refused":
            refused[precision] = rung["reasons"][0]
            shutil.rmtree(folder)
        else:
            _publish(kept[precision], folder, asked, rung, fingerprint)
    return refused


def _full(bench: Bench, asked: Sharing) -> Path:
    """Return the base as fp32 ONNX; an earlier attempt may have left it."""
    full = bench.folder / "full"
    if not full.is_dir():
        bench.peaks["export"] = export_onnx(asked.base, full, "fp32", log=bench.log)
    return full


def _with_places(bench: Bench, full: Path, precision: str) -> Path:
    """Return a precision's own folder, its graph with the inputs of adapters."""
    folder, part = bench.folder / precision, bench.folder / f"{precision}.part"
    if folder.is_dir():
        return folder
    shutil.rmtree(part, ignore_errors=True)
    if precision == "fp32":
        shutil.copytree(full, part)
    else:
        arguments = {"full": str(full), "out": str(part), "precision": precision}
        bench.call(f"quantize {precision}", "steps.quantize", **arguments)
    add_inputs(part)
    return part.rename(folder)


def _rung(bench: Bench, asked: Sharing, folder: Path, precision: str) -> dict[str, Any]:
    """Return what stands in metrics.json of the base with nothing switched on."""
    found = bench.call(
        f"check {precision}",
        "steps.parity",
        folder=str(folder),
        adapters={},
        answers={"": str(bench.answers(""))},
    )[""]
    rung = {"engine": "onnx", "size_bytes": size_bytes(folder), "held_out": found}
    return rung | verdict(precision, found, asked)


def verdict(precision: str, found: dict[str, Any], asked: Sharing) -> dict[str, Any]:
    """Return `verdict` and `reasons` of a comparison with PyTorch.

    Raises:
        ExportError: fp32 is not exact, which no wish can allow.
    """
    if precision == "fp32":
        gate_fp32(Parity(**found))
        return {"verdict": "passed", "reasons": []}
    why = reasons(precision, {"held_out": found}, asked.gates)
    beyond = "accepted" if asked.accept else "refused"
    return {"verdict": beyond if why else "passed", "reasons": why}


def _publish(
    kept: Kept, folder: Path, asked: Sharing, rung: dict[str, Any], fingerprint: str
) -> None:
    """Move a base to its place, in place of one of other weights."""
    facts = {"precision": folder.name, "model": asked.model, "fingerprint": fingerprint}
    text = json.dumps({**facts, "gates": asdict(asked.gates), "rung": rung}, indent=1) + "\n"
    (folder / "optimize.json").write_text(text, encoding="utf-8")
    write_section(folder, "base", {"model": asked.model, "fingerprint": fingerprint})
    shutil.rmtree(kept.folder, ignore_errors=True)
    folder.rename(kept.folder)
    name = f"{Path(asked.model).name}-{folder.name}"
    about = {"name": name, "model": asked.model, "base": asked.base, "settings": None}
    finish(kept.folder, about)


def refused_base(refused: dict[str, str]) -> ExportError:
    """Return the error that says why no base could be kept."""
    name, reason = next(iter(refused.items()))
    hint = "Take a higher precision, or keep it with --accept."
    return ExportError(f"The base in {name} is beyond its gate. {reason}", hint)
