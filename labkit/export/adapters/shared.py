"""One exported base model with several adapters beside it: made, checked, measured, added to."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...files import read_json
from ..architectures import check_exportable
from ..builder import check_disk
from ..deploy import seal
from ..measure import size_bytes
from ..traced.names import LAYER
from ..tuned import Tuned, check_parts
from ..work import Work, resumable
from .asked import STAGES, Addition, Bench, Sharing
from .base import make_bases, publish, refused_base
from .lora import cannot, read_lora
from .put import Said, judge_again, measure, missing_from, put_missing
from .record import Kept, base_fingerprint, metrics

COPIES = {"fp32": 2.0, "int8": 0.7, "int4": 0.7}
"""Room for a precision and its copy while it is measured, as parts of the base in fp32."""


def share(asked: Sharing, out: Path, *, emit: Callable[..., None]) -> dict[str, Any]:
    """Put adapters beside an exported base; what is there already is not made again.

    Stopped, it goes on with the step it was at: what was done lies in `out/work`.

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
    work = Work(out / "work", out / "export.log", emit, STAGES)
    bench = Bench(asked, out, base_fingerprint(asked.base), work)
    with resumable(work.folder, bench.fingerprint):
        said = _answer(bench)
        refused = make_bases(bench)
        work.stage("adapters")
        made = [bench.kept(name) for name in asked.precisions if name not in refused]
        if not made:
            raise refused_base(refused)
        changed = [put_missing(bench, kept, said) | judge_again(bench, kept) for kept in made]
        work.stage("measure")
        for kept, has_more in zip(made, changed, strict=True):
            if measure(bench, kept) or has_more:
                _close(bench, kept)
        _require_some(asked, made)
        _publish(bench, made, refused)
    base = {"engine": "torch", "size_bytes": size_bytes(asked.base), "verdict": "reference"}
    return metrics(out, base, refused) | _took(out, work)


def _check(asked: Sharing, out: Path) -> None:
    """Refuse what cannot be done before anything is loaded."""
    check_exportable(asked.base)
    for addition in asked.additions:
        check_parts(addition.tuned)
        for module in read_lora(addition.learned):
            if LAYER.search(module) is None:
                raise cannot(addition.learned, f"{module} takes no adapter, only layers do")
        _require_same_base(asked, addition)
        if not addition.held_out.prompts:
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


def _answer(bench: Bench) -> Said:
    """Keep what PyTorch answers with each adapter that is not there yet, and with none."""
    bench.work.stage("answer")
    kept = [bench.kept(name) for name in bench.asked.precisions]
    new = {a.name: a for of in kept for a in missing_from(of, bench.asked.additions)}
    models = [
        {
            "tuned": a.tuned.unquantised.as_json(),
            "rows": a.rows,
            "question": None if a.known else a.held_out.question(),
            "answers": str(bench.answers(a)),
        }
        for a in new.values()
    ]
    if any(map(bench.is_new, kept)):
        alone, rows = Tuned(bench.asked.base).as_json(), bench.asked.base_rows
        place = str(bench.answers(None))
        models.append({"tuned": alone, "rows": rows, "question": None, "answers": place})
    found = bench.call("answer", "steps.answer", asked=models) if models else []
    said: Said = {}
    for addition, answers in zip(new.values(), found, strict=False):  # the base says nothing
        said[addition.name] = addition.held_out.read(answers) if answers else addition.known
    return said


def _close(bench: Bench, kept: Kept) -> None:
    """Write the checksums of a folder that was changed where it lies."""
    if not bench.is_new(kept):
        seal(kept.folder)


def _require_some(asked: Sharing, made: list[Kept]) -> None:
    """Refuse when nothing of what was asked for can be switched on."""
    names = [addition.name for addition in asked.additions]
    if any(name in kept.adapters for kept in made for name in names):
        return
    why = made[-1].facts["adapters"][names[0]]["reasons"][0]
    hint = "Take precision fp32, or keep it with --accept."
    raise ExportError(f"No adapter is within its gate; {names[0]}: {why}", hint)


def _publish(bench: Bench, made: list[Kept], refused: dict[str, dict[str, Any]]) -> None:
    """Move new bases to their places; what is left there of other weights goes."""
    for kept in filter(bench.is_new, made):
        publish(bench, kept)
    for precision in refused:
        shutil.rmtree(bench.out / precision, ignore_errors=True)


def _took(out: Path, work: Work) -> dict[str, dict[str, Any]]:
    """Return seconds and peak memory of the steps, of earlier ones too."""
    last = read_json(out / "metrics.json")
    return {key: last.get(key, {}) | work.found.get(key, {}) for key in ("seconds", "peak_bytes")}
