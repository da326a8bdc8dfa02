"""Make the rungs of a ladder, and hold each by what the tuned model answers."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ExportError
from . import gates
from .builder import export_once
from .held_out import parity_rows
from .int4 import find_grids, methods_for
from .measure import size_bytes
from .quantize.packed import BLOCK_SIZE
from .state import Ladder


def reference(ladder: Ladder) -> None:
    """Keep what the tuned model answers; hold the base and the merged model by it."""
    tuned, work, held_out = ladder.tuned, ladder.work, ladder.held_out
    work.stage(work.stages[0])
    rows = {"held_out": parity_rows(held_out), "text": [list(row) for row in held_out.text]}
    known = held_out.answered_by("adapter")
    merges = str(work.merged) if tuned.merges else None
    step = work.stages[0] if tuned.is_exact else "answer"
    found = work.call(
        step,
        "reference",
        tuned=tuned.as_json(),
        rows=rows,
        question=None if known else held_out.question(),
        answers=str(work.answers),
        merged=merges if tuned.is_exact else None,
    )
    if step != "answer":
        work.take_out(step, "answer", found["answering_seconds"])
    if merges and not tuned.is_exact:
        found["merged"] = work.call(
            "merge",
            "merge_apart",
            tuned=tuned.unquantised.as_json(),
            rows=rows,
            answers=str(work.answers),
            own=str(work.merged_answers),
            merged=merges,
        )
    ladder.answers = known or (found["answers"] and held_out.read(found["answers"]))
    ladder.whole = replace(tuned, base=work.merged, learned=None) if merges else tuned
    _note_torch(ladder, found)


def _note_torch(ladder: Ladder, found: dict[str, Any]) -> None:
    """Note the rungs that run in PyTorch."""
    tuned, base = ladder.tuned, ladder.held_out.answered_by("base")
    if found["base"] or base:
        scored = ladder.metric(base, None)
        size = {"size_bytes": size_bytes(tuned.base)} if found["base"] else {}
        ladder.note("base", engine="torch", **(found["base"] or {}), **scored, **size)
    size_of = sum(map(size_bytes, filter(None, (tuned.base, tuned.learned))))
    scored = ladder.metric(ladder.answers, None)
    ladder.note("adapter", engine="torch", **scored, size_bytes=size_of, verdict="reference")
    if tuned.merges:
        size_of = size_bytes(ladder.work.merged)
        ladder.note("merged", engine="torch", **found["merged"], size_bytes=size_of)


def make(ladder: Ladder, name: str) -> None:
    """Make an ONNX rung and check it, from the rung above where it is quantised."""
    if "fp32" not in ladder.there:
        ladder.there["fp32"] = _export(ladder)
    if name == "int8":
        _quantize(ladder, name, {"method": "round", "block_size": BLOCK_SIZE}, None)
    if name == "int4":
        _find_int4(ladder)


def _find_int4(ladder: Ladder) -> None:
    """Make the int4 rung; where its method is open, with the next one until it passes."""
    assert ladder.whole is not None
    methods = methods_for(ladder.whole, ladder.request.int4, ladder.held_out.learned)
    for method in methods:
        how, grids = find_grids(ladder, method, repairs="repaired" in methods)
        _quantize(ladder, "int4", how, grids)
        if not gates.reasons("int4", ladder.rungs["int4"], ladder.request.gates):
            return


def _quantize(ladder: Ladder, name: str, how: dict[str, Any], grids: Path | None) -> None:
    """Make a quantised rung in one way, and check it."""
    ladder.work.stage(f"quantize {name}")
    folder = ladder.work.folder / (f"{name}-{grids.stem}" if grids else name)
    found = ladder.work.call(
        f"quantize {name}",
        "quantize",
        full=str(ladder.there["fp32"]),
        out=str(folder),
        precision=name,
        grids=str(grids) if grids else None,
    )
    ladder.there[name] = folder
    _check(ladder, name, how | found)


def _export(ladder: Ladder) -> Path:
    """Export to fp32 ONNX, whole when the folder is there; refuse it unless it is PyTorch's."""
    work, whole = ladder.work, ladder.whole
    assert whole is not None
    work.stage("export")
    full = work.folder / "fp32"
    out = work.folder / "plain" if whole.learned else full
    export_once(work, whole.base, out, whole.learned)
    how = {}
    if whole.learned:
        arguments = {"folder": str(out), "adapter": str(whole.learned), "out": str(full)}
        how = {"bottlenecks": work.call("insert", "insert", **arguments)}
    ladder.there["fp32"] = full
    _check(ladder, "fp32", how)
    try:
        gates.gate_exported(ladder.rungs["fp32"])
    except ExportError:
        shutil.rmtree(work.folder)  # nothing of this is worth going on with
        raise
    ladder.note("fp32", verdict="passed", reasons=[])
    return full


def _check(ladder: Ladder, name: str, how: dict[str, Any]) -> None:
    """Compare an ONNX rung with the tuned model, and note it."""
    work, held_out, folder = ladder.work, ladder.held_out, ladder.there[name]
    work.stage(f"check {name}")
    own = {} if ladder.tuned.is_exact else {"merged": str(work.merged_answers)}
    found = work.call(
        f"check {name}",
        "check",
        folder=str(folder),
        answers={"tuned": str(work.answers), **own},
        question=held_out.question(),
        target=ladder.request.runs_on,
    )
    near = dict(found["tuned"])
    if own:
        near["from_merged"] = found["merged"]["held_out"]
        near["text_from_merged"] = found["merged"].get("text")
    answers = held_out.read(found["answers"]) if found["answers"] else None
    if name == "fp32" and not ladder.tuned.is_exact:
        ladder.answers = answers  # what quantising costs, not what the base in full does
    scored = ladder.metric(answers, ladder.answers)
    ladder.rungs.pop(name, None)  # what an earlier one was
    ladder.note(name, engine="onnx", **near, **scored, size_bytes=size_bytes(folder), how=how)
