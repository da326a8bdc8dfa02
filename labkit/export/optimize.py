"""From a tuned model to a checked, measured ONNX folder: one stage after the other."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExportError
from . import gates, summary
from .builder import check_disk, check_exportable, export_onnx
from .check import Parity
from .child import peak_bytes
from .measure import measure_latency, size_bytes
from .merge import check_merged, merge_and_answer, trained_answers
from .tuned import Tuned, check_parts, refuse_unexportable
from .work import STAGES, Emit, HeldOut, Work, as_lists, cleaned, parity_rows


def optimize(
    tuned: Tuned,
    out: Path,
    *,
    precision: str,
    held_out: HeldOut,
    emit: Emit,
    keep: bool = False,
) -> dict[str, Any]:
    """Write a tuned model to `out` as one ONNX model, checked and measured.

    What merges is merged first; bottleneck adapters are put into the graph of their base.

    Args:
        tuned: Base model, not quantised, and what a run learned; or a whole model alone.
        out: New folder; it appears when every check has passed. `out.log` lies beside it.
        precision: "fp32", "int8" or "int4".
        held_out: Rows to compare on and, with labels, to count correct answers on.
        emit: Receives `stage`, `parity` and `latency` events.
        keep: Leave the merged and fp32 models in `out.work`.

    Returns:
        What optimize.json holds: every number, in bytes, seconds and nats.

    Raises:
        ExportError: A step failed, or the exported model differs more than allowed.
    """
    _check_request(tuned, out, held_out)
    work = Work(out, emit, _stages(tuned, precision))
    with cleaned(work, keep):
        whole = _answer(work, tuned, held_out)
        full = _export(work, whole)
        final = _quantize(work, full, precision)
        _gate(work, full, final, precision, held_out)
        _measure(work, final, whole)
        return _publish(work, final, precision)


def _stages(tuned: Tuned, precision: str) -> tuple[str, ...]:
    first = "merge" if tuned.merges else "answer"
    return tuple(
        first if stage == "merge" else stage
        for stage in STAGES
        if stage != "quantize" or precision != "fp32"
    )


def _answer(work: Work, tuned: Tuned, held_out: HeldOut) -> Tuned:
    """Keep what the tuned model answers; return it merged, where it merges."""
    rows = parity_rows(held_out)
    work.stage(work.stages[0])
    if not tuned.merges:
        arguments = {"tuned": tuned.as_json(), "rows": rows, "answers": str(work.answers)}
        work.call("answer", "answer", **arguments)
        return tuned
    merge_and_answer(work, tuned, rows)
    if not tuned.is_exact:
        check_merged(work, tuned, merged=trained_answers(work, tuned, rows))
    return replace(tuned, base=work.merged, learned=None)


def _export(work: Work, whole: Tuned) -> Path:
    """Export to fp32 ONNX and hold it against the answers of PyTorch."""
    work.stage("export")
    full = work.folder / "fp32"
    work.peak("export", export_onnx(whole.base, full, "fp32", log=work.log))
    if whole.learned:
        arguments = {"folder": str(full), "adapter": str(whole.learned)}
        work.found["bottlenecks"] = work.call("insert", "insert", **arguments)
    work.stage("check")
    gates.gate_fp32(_parity(work, "fp32", full))
    return full


def _quantize(work: Work, full: Path, precision: str) -> Path:
    if precision == "fp32":
        return full
    work.stage("quantize")
    final = work.folder / precision
    arguments = {"full": str(full), "out": str(final), "precision": precision}
    reason = work.call("quantize", "quantize", **arguments)
    work.found["tied_embedding"] = reason or "read from the int8 head"
    _parity(work, precision, final)
    return final


def _parity(work: Work, precision: str, folder: Path) -> Parity:
    """Compare a model with the answers of PyTorch, and tell it."""
    arguments = {"folder": str(folder), "answers": str(work.answers)}
    return work.tell(precision, work.call(f"check {precision}", "parity", **arguments))


def _gate(work: Work, full: Path, final: Path, precision: str, held_out: HeldOut) -> None:
    """Count correct held-out rows before and after quantisation; refuse too large a loss."""
    work.stage("accuracy")
    if held_out.labels:
        folders = {"fp32": full, precision: final}
        correct = {name: _correct(work, name, path, held_out) for name, path in folders.items()}
        accuracy = {name: float(found.mean()) for name, found in correct.items()}
        work.found["accuracy"] = _with_torch(accuracy, held_out)
        work.found["n_rows"] = len(held_out.prompts)
        if precision != "fp32":
            gates.gate_accuracy(precision, correct["fp32"], correct[precision])
    elif precision != "fp32":
        gates.gate_divergence(precision, Parity(**work.found["parity"][precision]))


def _correct(work: Work, precision: str, folder: Path, held_out: HeldOut) -> gates.Correct:
    """Return `(rows,)`: whether the likeliest label of each held-out row is the right one."""
    best = work.call(
        f"accuracy {precision}",
        "best_labels",
        folder=str(folder),
        prompts=as_lists(held_out.prompts),
        completions=as_lists(held_out.completions),
    )
    return np.asarray(np.array(held_out.labels)[best] == np.array(held_out.gold))


def _with_torch(accuracy: dict[str, float], held_out: HeldOut) -> dict[str, float]:
    known = held_out.torch_accuracy
    return accuracy if known is None else {"torch": known, **accuracy}


def _measure(work: Work, final: Path, whole: Tuned) -> None:
    work.stage("measure")
    found = [asdict(latency) for latency in measure_latency(final, whole, log=work.log)]
    for latency in found:
        work.emit("latency", **latency)
    work.found["latency"] = {latency["engine"]: latency for latency in found}


def _publish(work: Work, final: Path, precision: str) -> dict[str, Any]:
    """Write the numbers beside the model and move both to their place."""
    work.peak("this process", peak_bytes())
    result = {"precision": precision, "size_bytes": size_bytes(final), **work.found}
    text = json.dumps(result, indent=2) + "\n"
    (final / "optimize.json").write_text(text, encoding="utf-8")
    (final / "README.md").write_text(summary.markdown(result), encoding="utf-8")
    final.rename(work.out)
    return result


def _check_request(tuned: Tuned, out: Path, held_out: HeldOut) -> None:
    refuse_unexportable(tuned.spec)
    check_exportable(tuned.base)
    check_parts(tuned)
    if not held_out.prompts:
        hint = "Give a test or validation split; without rows nothing can be checked."
        raise ExportError("Optimising needs held-out rows; got 0.", hint)
    if held_out.labels and len(held_out.gold) != len(held_out.prompts):
        found = f"{len(held_out.gold)} labels for {len(held_out.prompts)} rows"
        raise ExportError(f"Every held-out row needs its label; got {found}.", "Check the split.")
    if out.exists():
        raise ExportError(f"{out} exists already.", hint="Remove it or name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    check_disk(tuned.base, out.parent, 3)  # merged, fp32 and the final model
