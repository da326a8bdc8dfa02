"""The parity ladder: base, adapter, merged, ONNX fp32, int8, int4, each beside the adapter."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ExportError
from . import gates
from .builder import export_onnx
from .check import Parity
from .held_out import HeldOut, parity_rows
from .kept import PRECISIONS, Prints, kept_folders, last_climb
from .measure import measure_latency, size_bytes
from .metric import metric_of
from .publish import publish
from .request import Request, check_request
from .tuned import Tuned
from .work import Emit, Work, resumable

PASSED = ("passed", "accepted")


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
    with resumable(work, prints.all):
        if missing:
            reference(ladder)
        for name in missing:
            make(ladder, name)
        judge(ladder)
        if missing:
            measure(ladder)
        return publish(ladder)


@dataclass
class Ladder:
    """One climb: what was asked, and what was found so far."""

    tuned: Tuned
    out: Path
    request: Request
    held_out: HeldOut
    prints: Prints
    work: Work
    last: dict[str, Any]
    """What the climb before found."""
    there: dict[str, Path]
    """Folders of rungs that are whole, by name: kept ones and new ones."""
    rungs: dict[str, dict[str, Any]] = field(init=False)
    whole: Tuned | None = None
    """The tuned model as PyTorch answers best: merged, where it merges."""
    answers: list[str] | None = None
    """What the tuned model answered to the scored rows."""

    def __post_init__(self) -> None:
        self.rungs = dict(self.last["rungs"])

    def note(self, name: str, **found: Any) -> None:  # noqa: ANN401 - JSON values
        """Note what was found about a rung, and tell it."""
        self.rungs.setdefault(name, {}).update(found)
        self.work.emit("rung", name=name, **found)

    def metric(self, answers: list[str] | None, before: list[str] | None) -> dict[str, Any]:
        """Return the rung's key `metric`; nothing where no rows are scored."""
        if not answers:
            return {}
        return {"metric": metric_of(self.held_out, answers, before, seed=self.request.seed)}

    @property
    def kept(self) -> dict[str, Path]:
        """Folders that may be used: passed or accepted, asked for now or before."""
        asked = {*self.request.precisions, *(n for n, p in self.there.items() if self.is_old(p))}
        return {
            name: folder
            for name, folder in self.there.items()
            if name in asked and self.rungs[name]["verdict"] in PASSED
        }

    def is_old(self, folder: Path) -> bool:
        """Whether a rung's folder is that of an earlier climb."""
        return folder.parent == self.out

    @property
    def chosen(self) -> str | None:
        """The smallest rung that may be used."""
        return min(self.kept, key=lambda name: self.rungs[name]["size_bytes"], default=None)


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


def reference(ladder: Ladder) -> None:
    """Keep what the tuned model answers; hold the base and the merged model by it."""
    tuned, work, held_out = ladder.tuned, ladder.work, ladder.held_out
    work.stage(work.stages[0])
    rows = {"held_out": parity_rows(held_out), "text": [list(row) for row in held_out.text]}
    known = held_out.answered_by("adapter")
    merges = str(work.merged) if tuned.merges else None
    found = work.call(
        work.stages[0] if tuned.is_exact else "answer",
        "reference",
        tuned=tuned.as_json(),
        rows=rows,
        question=None if known else held_out.question(),
        answers=str(work.answers),
        merged=merges if tuned.is_exact else None,
    )
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
    if name == "fp32":
        return
    ladder.work.stage(f"quantize {name}")
    folder = ladder.work.folder / name
    how = ladder.work.call(
        f"quantize {name}",
        "quantize",
        full=str(ladder.there["fp32"]),
        out=str(folder),
        precision=name,
    )
    ladder.there[name] = folder
    _check(ladder, name, how)


def _export(ladder: Ladder) -> Path:
    """Export to fp32 ONNX, whole when the folder is there; refuse it unless it is PyTorch's."""
    work, whole = ladder.work, ladder.whole
    assert whole is not None
    work.stage("export")
    full = work.folder / "fp32"
    out = work.folder / "plain" if whole.learned else full

    def export() -> tuple[None, int]:
        shutil.rmtree(out, ignore_errors=True)
        return None, export_onnx(whole.base, out, "fp32", log=work.log, head=whole.learned)

    work.once("export", [str(whole.base), str(out)], export)
    how = {}
    if whole.learned:
        arguments = {"folder": str(out), "adapter": str(whole.learned), "out": str(full)}
        how = {"bottlenecks": work.call("insert", "insert", **arguments)}
    ladder.there["fp32"] = full
    _check(ladder, "fp32", how)
    try:
        gates.gate_fp32(Parity(**gates.judged(ladder.rungs["fp32"])))
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
    near = {**found["tuned"], **({"from_merged": found["merged"]["held_out"]} if own else {})}
    answers = held_out.read(found["answers"]) if found["answers"] else None
    if name == "fp32" and not ladder.tuned.is_exact:
        ladder.answers = answers  # what quantising costs, not what the base in full does
    scored = ladder.metric(answers, ladder.answers)
    ladder.rungs.pop(name, None)  # what an earlier one was
    ladder.note(name, engine="onnx", **near, **scored, size_bytes=size_bytes(folder), how=how)


def judge(ladder: Ladder) -> None:
    """Say of each rung asked for whether it passes; raise when none does."""
    names = ladder.request.precisions
    for name in names:
        if name != "fp32":
            found = gates.reasons(name, ladder.rungs[name], ladder.request.gates)
            beyond = "accepted" if ladder.request.accept else "refused"
            ladder.note(name, verdict=beyond if found else "passed", reasons=found)
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
