"""An adapter beside a base: converted, held by what PEFT answers, kept or refused, measured."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...runtime.folder import section
from ..child import call
from ..gates import USABLE
from ..metric import metric_of
from .asked import Addition, Bench
from .base import verdict
from .convert import convert
from .record import Kept
from .sites import without_inputs

ATOL = 1e-3
"""Largest logit difference of a switched adapter from PEFT's in fp32; more where the base alone
differs by more than half of that."""

Said = dict[str, list[str] | None]
"""What PyTorch answered to the scored rows with each adapter; None where none are scored."""


def missing_from(kept: Kept, additions: Sequence[Addition]) -> list[Addition]:
    """Return the additions that cannot be switched on yet, or only with other weights."""
    return [a for a in additions if not kept.has(a.name, a.weights)]


def put_missing(bench: Bench, kept: Kept, said: Said) -> bool:
    """Convert, compare and keep the adapters that are not there yet; tell if there were any."""
    new = missing_from(kept, bench.asked.additions)
    files = {a.name: bench.work.folder / f"{a.name}.onnx_adapter" for a in new}
    ranks = {a.name: convert(a.learned, kept.folder, files[a.name]) for a in new}
    found = _check(bench, kept, new, files) if new else {}
    for addition in new:
        file = files[addition.name]
        about = {"r": ranks[addition.name], "size_bytes": file.stat().st_size}
        judged = _judged(bench, addition, kept, found[addition.name], said[addition.name])
        bench.work.emit(
            "adapter", name=addition.name, precision=kept.folder.name,
            **about, **addition.facts, **judged,
        )  # fmt: skip
        _keep(addition, kept, file, about, judged)
    return bool(new)


def judge_again(bench: Bench, kept: Kept) -> bool:
    """Judge the adapters asked for that are there by what was found; tell if a verdict changed.

    Nothing is converted or compared: other gates ask nothing new of a model.
    """
    changed = False
    there = (a.name for a in bench.asked.additions if kept.has(a.name, a.weights))
    for name in tuple(there):
        known = kept.facts["adapters"][name]
        judged = verdict(kept.folder.name, known, bench.asked)
        if judged == {key: known[key] for key in judged}:
            continue
        bench.work.emit("adapter", name=name, precision=kept.folder.name, **known | judged)
        kept.note(adapters={name: known | judged})
        if judged["verdict"] not in USABLE:
            kept.drop(name)
        changed = True
    return changed


def _check(
    bench: Bench, kept: Kept, new: Sequence[Addition], files: dict[str, Path]
) -> dict[str, Any]:
    """Compare adapters with PEFT, all in one session of the base."""
    asked = {
        a.name: {
            "file": str(files[a.name]),
            "answers": str(bench.answers(a)),
            "question": a.held_out.question(),
        }
        for a in new
    }
    name, folder = f"check adapters in {kept.folder.name}", str(kept.folder)
    return dict(bench.call(name, "steps.check", folder=folder, asked=asked))


def _judged(
    bench: Bench, addition: Addition, kept: Kept, found: dict[str, Any], before: list[str] | None
) -> dict[str, Any]:
    """Return comparison, metric, verdict and reasons of an adapter, and PyTorch's metric."""
    measured = {"held_out": found["held_out"]}
    torch: dict[str, Any] = {}
    if before:
        held_out, seed = addition.held_out, bench.asked.seed
        after = held_out.read(found["answers"])
        measured["metric"] = metric_of(held_out, after, before, seed=seed)
        torch = {"metric": metric_of(held_out, before, None, seed=seed)}
    try:
        judged = verdict(kept.folder.name, measured, bench.asked)
    except ExportError as error:
        raise ExportError(
            f"With the adapter {addition.name}: {error.problem}", error.hint
        ) from error
    if kept.folder.name == "fp32":
        _require_exact(addition.name, kept, found["held_out"]["max_abs_logit_diff"])
    return {**measured, **judged, "torch": torch}


def _require_exact(name: str, kept: Kept, largest: float) -> None:
    """Refuse an adapter whose logits in fp32 are not those of PEFT."""
    limit = max(ATOL, 2 * kept.facts["rung"]["held_out"]["max_abs_logit_diff"])
    if not largest <= limit:
        rule = f"The logits with the adapter {name} may differ by {limit:g} from PEFT's"
        hint = "The conversion is wrong; use this run's own export."
        raise ExportError(f"{rule}; got {largest:.3g}.", hint)


def _keep(
    addition: Addition, kept: Kept, file: Path, about: dict[str, Any], judged: dict[str, Any]
) -> None:
    """Note what was found of an adapter; let it be switched on where it may be used."""
    run = addition.facts.get("run")
    kept.note(adapters={addition.name: {**about, "run": run, **judged}})
    if judged["verdict"] in USABLE:
        kept.put(addition.name, file, {**about, **addition.facts, "learned": addition.weights})
    else:
        kept.drop(addition.name)


def measure(bench: Bench, kept: Kept) -> bool:
    """Take the time of a token with and without adapters, where it is not known; tell if so."""
    if kept.facts.get("latency") or not kept.adapters:
        return False
    asked = section(kept.folder, "adapters")
    name = f"measure {kept.folder.name}"
    kept.note(latency=bench.work.once(name, asked, lambda: _token_costs(bench, kept)))
    return True


def _token_costs(bench: Bench, kept: Kept) -> tuple[Any, int]:
    """Return what a token costs and the memory it took to find out."""
    plain = bench.work.folder / f"plain-{kept.folder.name}"
    shutil.rmtree(plain, ignore_errors=True)
    without_inputs(kept.folder, plain)
    adapters = {name: str(file) for name, file in kept.adapters.items()}
    arguments = {"plain": str(plain), "folder": str(kept.folder), "adapters": adapters}
    found = call("adapters.cost", "token_costs", log=bench.work.log, **arguments)
    shutil.rmtree(plain)
    return found
