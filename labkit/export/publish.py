"""Put the rungs that may be used in their place, with all that a folder to deploy holds."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import machine
from ..files import write_json
from ..runtime.session import Settings
from .deploy.finish import finish
from .kept import FILE, RUNGS
from .state import Ladder


def publish(ladder: Ladder) -> dict[str, Any]:
    """Write the numbers beside each model and move it to its place; return the numbers."""
    ladder.work.note("this process", machine.peak_bytes())
    aim = _aim(ladder)
    tuned = _tune(ladder, aim.get("target", ladder.request.runs_on))
    refused = {
        name: rung for name, rung in ladder.rungs.items() if rung.get("verdict") == "refused"
    }
    for rung in refused.values():
        rung.pop("latency", None)
    result = _result(ladder) | aim | ({"tune": tuned} if tuned else {})
    for name, folder in ladder.kept.items():
        _finish(ladder, name, folder, result)
        if not ladder.is_old(folder):
            _put(folder, ladder.out / name)
    for name in refused:
        shutil.rmtree(ladder.out / name, ignore_errors=True)
    return result


def _aim(ladder: Ladder) -> dict[str, Any]:
    """Let the models open on their target; where it is `auto`, find and tell which that is."""
    if ladder.request.target == "cpu" or ladder.chosen is None:
        return {}
    from .pick import pick
    from .tune import write_settings

    found: dict[str, Any] = {"target": ladder.request.target}
    if ladder.request.target == "auto":
        auto = pick(ladder.kept[ladder.chosen], ladder.work.emit, log=ladder.work.log)
        found = {"target": auto["target"], "auto": auto}
    for folder in ladder.kept.values():
        write_settings(folder, Settings(target=found["target"]))
    return found


def _tune(ladder: Ladder, target: str) -> dict[str, Any] | None:
    """Find the best session settings of the chosen model, where time was given for it."""
    if not ladder.request.tune_seconds or ladder.chosen is None:
        return None
    from .tune import tune

    ladder.work.stage("tune")
    folder = ladder.kept[ladder.chosen]
    seconds, work = ladder.request.tune_seconds, ladder.work
    return tune(folder, seconds, work.emit, log=work.log, target=target)


def _result(ladder: Ladder) -> dict[str, Any]:
    request, rungs, found, last = ladder.request, ladder.rungs, ladder.work.found, ladder.last
    judged = {name: asdict(request.gates) for name in request.precisions if name != "fp32"}
    return {
        "target": request.target,
        "chosen": ladder.chosen,
        "n_rows": len(ladder.held_out.prompts),
        "gates": {name: of for name, of in last["gates"].items() if name in rungs} | judged,
        "rungs": {name: rungs[name] for name in RUNGS if name in rungs},
        "fingerprints": {name: ladder.prints.of(name) for name in rungs},
        "peak_bytes": last["peak_bytes"] | found["peak_bytes"],
        "seconds": last["seconds"] | found.get("seconds", {}),
    }


def _finish(ladder: Ladder, name: str, folder: Path, result: dict[str, Any]) -> None:
    """Write what lies beside a model; its card is the caller's to write."""
    called = f"{ladder.out.parent.name}{ladder.out.name.removeprefix('onnx')}-{name}"
    about = {"name": called, "precision": name}
    write_json(folder / FILE, {**result, **about, "fingerprint": ladder.prints.of(name)})
    chat, tuned = ladder.held_out.is_chat, ladder.tuned
    finish(folder, {**about, "settings": tuned.spec, "chat": chat, "base": tuned.base})


def _put(folder: Path, place: Path) -> None:
    """Move a folder to its place; one that was made of other weights gives way."""
    shutil.rmtree(place, ignore_errors=True)
    folder.rename(place)
