"""From a tuned model to a checked, measured ONNX folder: one stage after the other."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExportError
from . import gates, summary
from .builder import check_disk, check_exportable, export_onnx
from .check import Parity
from .child import peak_bytes
from .measure import measure_latency, size_bytes
from .merge import check_mergeable
from .work import STAGES, Emit, HeldOut, Work, cleaned

N_PARITY_ROWS, N_PARITY_TOKENS = 8, 64


def optimize(  # noqa: PLR0913 - the two models, what to do, what to check on, who listens
    base: Path,
    adapter: Path | None,
    out: Path,
    *,
    precision: str,
    held_out: HeldOut,
    emit: Emit,
    keep: bool = False,
) -> dict[str, Any]:
    """Write base plus adapter to `out` as one ONNX model, checked and measured.

    Args:
        base: Hugging Face folder, not quantised.
        adapter: PEFT folder, or None for the base alone.
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
    _check_request(base, out, held_out)
    if adapter:
        check_mergeable(base, adapter)
    work = Work(out, emit, STAGES if precision != "fp32" else STAGES[:3] + STAGES[4:])
    with cleaned(work, keep):
        merged = _merge(work, base, adapter, held_out)
        full = _export(work, merged)
        final = _quantize(work, full, precision)
        _gate(work, full, final, precision, held_out)
        _measure(work, final, merged)
        return _publish(work, final, precision)


def _merge(work: Work, base: Path, adapter: Path | None, held_out: HeldOut) -> Path:
    """Return the folder of the merged model, and the answers of the model before merging."""
    work.stage("merge")
    merged = work.folder / "merged"
    arguments = {
        "base": str(base),
        "adapter": str(adapter) if adapter else None,
        "rows": _parity_rows(held_out),
        "answers": str(work.answers),
        "merged": str(merged),
    }
    work.call("merge", "answer_and_merge", **arguments)
    return merged if adapter else base


def _export(work: Work, merged: Path) -> Path:
    """Export to fp32 ONNX and hold it against the answers of PyTorch."""
    work.stage("export")
    full = work.folder / "fp32"
    work.peak("export", export_onnx(merged, full, "fp32", log=work.log))
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
    found = work.call(f"check {precision}", "parity", folder=str(folder), answers=str(work.answers))
    work.found.setdefault("parity", {})[precision] = found
    work.emit("parity", precision=precision, **found)
    return Parity(**found)


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
        prompts=_as_lists(held_out.prompts),
        completions=_as_lists(held_out.completions),
    )
    return np.asarray(np.array(held_out.labels)[best] == np.array(held_out.gold))


def _with_torch(accuracy: dict[str, float], held_out: HeldOut) -> dict[str, float]:
    known = held_out.torch_accuracy
    return accuracy if known is None else {"torch": known, **accuracy}


def _measure(work: Work, final: Path, merged: Path) -> None:
    work.stage("measure")
    found = [asdict(latency) for latency in measure_latency(final, merged, log=work.log)]
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


def _parity_rows(held_out: HeldOut) -> list[list[int]]:
    """Return rows spread over the held-out ones, cut to a length whose logits fit in memory."""
    n_rows = min(N_PARITY_ROWS, len(held_out.prompts))
    picked = np.linspace(0, len(held_out.prompts) - 1, n_rows).astype(int)
    return _as_lists([held_out.prompts[i][-N_PARITY_TOKENS:] for i in picked])


def _as_lists(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(map(int, row)) for row in rows]


def _check_request(base: Path, out: Path, held_out: HeldOut) -> None:
    check_exportable(base)
    if not held_out.prompts:
        hint = "Give a test or validation split; without rows nothing can be checked."
        raise ExportError("Optimising needs held-out rows; got 0.", hint)
    if held_out.labels and len(held_out.gold) != len(held_out.prompts):
        found = f"{len(held_out.gold)} labels for {len(held_out.prompts)} rows"
        raise ExportError(f"Every held-out row needs its label; got {found}.", "Check the split.")
    if out.exists():
        raise ExportError(f"{out} exists already.", hint="Remove it or name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    check_disk(base, out.parent, 3)  # merged, fp32 and the final model
