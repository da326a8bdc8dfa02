"""One exported base model with several adapters beside it: made, checked, measured, added to."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...spec.optimize import PRECISIONS
from ..architectures import check_exportable, is_built
from ..builder import check_disk
from ..deploy import seal
from ..measure import size_bytes
from ..tuned import Tuned, check_parts
from ..work import resumable
from .asked import Addition, Bench, Sharing
from .base import make_bases, refused_base, verdict
from .convert import convert
from .lora import read_lora
from .record import USABLE, Kept, adapter_fingerprint, base_fingerprint, metrics
from .sites import without_inputs

ATOL = 1e-3
"""Largest logit difference of a switched adapter from PEFT's in fp32; more where the base alone
differs by more than half of that."""

COPIES = {"fp32": 2.0, "int8": 0.7, "int4": 0.7}
"""Room for a precision and its copy while it is measured, as parts of the base in fp32."""


def share(asked: Sharing, out: Path, *, emit: Callable[..., None]) -> dict[str, Any]:
    """Put adapters beside an exported base; what is there already is not made again.

    Args:
        asked: The base and the runs.
        out: Folder of the export; each precision gets a folder in it.
        emit: Receives `stage`, `rung` and `adapter` events.

    Returns:
        What metrics.json holds, of earlier adapters too.

    Raises:
        ExportError: A run cannot be switched, a step failed, fp32 is not exact, or nothing that
            was asked for is within its gates.
    """
    _check(asked, out)
    bench, fingerprint = Bench(out, emit), base_fingerprint(asked.base)
    with resumable(bench.folder, fingerprint):
        _answer(bench, asked, fingerprint)
        refused = make_bases(bench, asked, fingerprint)
        bench.stage("adapters")
        made = [precision for precision in asked.precisions if precision not in refused]
        if not made:
            raise refused_base(refused)
        changed = [precision for precision in made if _put_new(bench, asked, precision)]
        bench.stage("measure")
        for precision in changed:
            _measure(bench, precision)
        _require_some(asked, [Kept(out / precision) for precision in made])
    base = {"engine": "torch", "size_bytes": size_bytes(asked.base), "verdict": "reference"}
    found = metrics(out, PRECISIONS, base)
    return {**found, "seconds": bench.seconds, "peak_bytes": bench.peaks}


def _check(asked: Sharing, out: Path) -> None:
    """Refuse what cannot be done before anything is loaded."""
    check_exportable(asked.base)
    if not is_built(asked.base):
        hint = "Export each run by itself: %optimize RUN."
        raise ExportError(f"The ONNX graph of {asked.base.name} takes no adapters.", hint)
    for addition in asked.additions:
        check_parts(addition.tuned)
        read_lora(addition.learned)
        _require_same_base(asked, addition)
        if not addition.rows:
            hint = "Give the run a test or validation split."
            raise ExportError(f"{addition.name} has no held-out rows to be checked on.", hint)
    check_disk(asked.base, out.parent, 1 + sum(COPIES[name] for name in asked.precisions))


def _require_same_base(asked: Sharing, addition: Addition) -> None:
    own, base = addition.tuned.base, asked.base
    if own.resolve() != base.resolve() and base_fingerprint(own) != base_fingerprint(base):
        raise ExportError(
            f"{addition.name} was trained on another base: {addition.tuned.spec.model}, "
            f"not {asked.model}.",
            hint="Give runs of one base model, or export this one by itself: %optimize RUN.",
        )


def _answer(bench: Bench, asked: Sharing, fingerprint: str) -> None:
    """Keep what PyTorch answers with each adapter that is not there yet, and with none."""
    bench.stage("answer")
    kept = [Kept(bench.out / precision) for precision in asked.precisions]
    new = {a.name: a for precision in kept for a in _new(precision, asked, fingerprint)}
    wanted = {name: (a.tuned.unquantised, list(a.rows)) for name, a in new.items()}
    if not all(precision.holds(fingerprint) for precision in kept):
        wanted[""] = (Tuned(asked.base), asked.base_rows)
    models = [
        {"tuned": tuned.as_json(), "rows": rows, "answers": str(bench.answers(name))}
        for name, (tuned, rows) in wanted.items()
    ]
    if models:
        bench.call("answer", "steps.answer", asked=models)


def _new(kept: Kept, asked: Sharing, fingerprint: str | None = None) -> list[Addition]:
    """Return the additions that cannot be switched on yet, or only with other weights."""
    if fingerprint is not None and not kept.holds(fingerprint):
        return list(asked.additions)
    return [a for a in asked.additions if not kept.has(a.name, adapter_fingerprint(a.learned))]


def _put_new(bench: Bench, asked: Sharing, precision: str) -> bool:
    """Convert, compare and keep the adapters that are not there yet; tell if there were any."""
    kept = Kept(bench.out / precision)
    new = _new(kept, asked)
    files = {a.name: bench.folder / f"{a.name}.onnx_adapter" for a in new}
    ranks = {a.name: convert(a.learned, kept.folder, files[a.name]) for a in new}
    found = _compare(bench, kept, files) if new else {}
    for addition in new:
        judged = _judged(addition.name, found[addition.name], kept, asked)
        size = files[addition.name].stat().st_size
        facts = {"r": ranks[addition.name], "size_bytes": size, **addition.facts}
        bench.emit("adapter", name=addition.name, precision=precision, **facts, **judged)
        noted = {"r": facts["r"], "size_bytes": size, "run": facts.get("run"), **judged}
        kept.note(adapters={addition.name: noted})
        if judged["verdict"] in USABLE:
            learned = {"learned": adapter_fingerprint(addition.learned)}
            kept.put(addition.name, files[addition.name], facts | learned)
        else:
            kept.drop(addition.name)
    return bool(new)


def _compare(bench: Bench, kept: Kept, files: dict[str, Path]) -> dict[str, Any]:
    """Compare adapters with PEFT, all in one session of the base."""
    found: dict[str, Any] = bench.call(
        f"check adapters in {kept.folder.name}",
        "steps.parity",
        folder=str(kept.folder),
        adapters={name: str(file) for name, file in files.items()},
        answers={name: str(bench.answers(name)) for name in files},
    )
    return found


def _judged(name: str, found: dict[str, Any], kept: Kept, asked: Sharing) -> dict[str, Any]:
    """Return comparison, verdict and reasons of an adapter."""
    precision = kept.folder.name
    try:
        judged = verdict(precision, found, asked)
    except ExportError as error:
        raise ExportError(f"With the adapter {name}: {error.problem}", error.hint) from error
    if precision == "fp32":
        alone = kept.facts["rung"]["held_out"]["max_abs_logit_diff"]
        limit, largest = max(ATOL, 2 * alone), found["max_abs_logit_diff"]
        if not largest <= limit:
            rule = f"The logits with the adapter {name} may differ by {limit:g} from PEFT's"
            hint = "The conversion is wrong; use this run's own export."
            raise ExportError(f"{rule}; got {largest:.3g}.", hint)
    return {"held_out": found, **judged}


def _measure(bench: Bench, precision: str) -> None:
    """Take the time of a token with and without adapters; then close the folder."""
    kept, plain = Kept(bench.out / precision), bench.folder / f"plain-{precision}"
    shutil.rmtree(plain, ignore_errors=True)
    without_inputs(kept.folder, plain)
    adapters = {name: str(file) for name, file in kept.adapters.items()}
    arguments = {"plain": str(plain), "folder": str(kept.folder), "adapters": adapters}
    kept.note(latency=bench.call(f"measure {precision}", "cost.token_costs", **arguments))
    shutil.rmtree(plain)
    seal(kept.folder)


def _require_some(asked: Sharing, made: list[Kept]) -> None:
    """Refuse when nothing of what was asked for can be switched on."""
    names = [addition.name for addition in asked.additions]
    if any(name in kept.adapters for kept in made for name in names):
        return
    why = made[-1].facts["adapters"][names[0]]["reasons"][0]
    hint = "Take precision fp32, or keep it with --accept."
    raise ExportError(f"No adapter is within its gate; {names[0]}: {why}", hint)
