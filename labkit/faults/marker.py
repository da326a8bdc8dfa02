"""The marker of a run with a fault: it says that there is one, and does not say which.

It holds a random word and the SHA-256 of that word with the fault's name, so that a guess can be
checked and the worker can find the fault by trying all names.
"""

import json
import random
import secrets
from hashlib import sha256
from pathlib import Path

from ..errors import SpecError, near
from ..files import write_json
from ..run import Run, as_run
from ..spec import FinetuneSpec
from .every import FAULTS
from .fault import Fault

FILE = "marker.json"
"""The marker's file in a run's folder."""

ANY = "any"
"""Asks for a fault that nobody has chosen; `any:WORD` for the one that the word draws."""


def mark(path: Path, name: str) -> None:
    """Put the marker of a fault into a run's folder, before its worker starts."""
    word = secrets.token_hex(8)
    write_json(path / FILE, {"word": word, "digest": _digest(word, name)})


def is_marked(path: Path) -> bool:
    """Whether a run has a fault: it, or the run in whose folder it lies."""
    return any((folder / FILE).is_file() for folder in (path, *path.parents[:3]))


def of(path: Path) -> Fault:
    """Return the fault of a run's folder; without a marker, one that changes nothing."""
    file = path / FILE
    if not file.is_file():
        return Fault()
    known = json.loads(file.read_text(encoding="utf-8"))
    names = (name for name in FAULTS if _digest(known["word"], name) == known["digest"])
    return FAULTS[next(names)]


def guess(run: str | Run, name: str) -> bool:
    """Whether a run has the fault of this name; a lab checks what was found out by it.

    Raises:
        RunError: There is no such run.
        SpecError: There is no such fault, or the run has none.
    """
    path = as_run(run).path
    _known(name)
    if not (path / FILE).is_file():
        raise SpecError("This run has no fault.", hint="Make one: finetune(…, fault='any').")
    return of(path) is FAULTS[name]


def chosen(name: str, job: str, spec: FinetuneSpec) -> str:
    """Return the fault that goes into a job; `any` draws one, `any:WORD` the same one each time.

    Args:
        name: A name of `FAULTS`, `any`, or `any:` and a word.
        job: `finetune` or `optimize`.
        spec: The settings of the fine-tuning.

    Raises:
        SpecError: There is no such fault, or it does not go with these settings.
    """
    fit = [known for known, fault in FAULTS.items() if fault.job == job and _fits(fault, spec)]
    if name == ANY:
        return random.SystemRandom().choice(fit)
    if name.startswith(f"{ANY}:"):
        return fit[int(sha256(name.encode()).hexdigest(), 16) % len(fit)]
    _known(name)
    if name not in fit:
        raise SpecError(
            f"The fault {name!r} does not go into {job} with method {spec.method} and head "
            f"{str(spec.head).lower()}.",
            hint=f"Take one of {', '.join(fit)}.",
        )
    return name


def _fits(fault: Fault, spec: FinetuneSpec) -> bool:
    return (not fault.methods or spec.method in fault.methods) and (
        fault.takes_head or not spec.head
    )


def _known(name: str) -> None:
    if name not in FAULTS:
        raise SpecError(
            f"There is no fault {name!r}.", hint=near(name, FAULTS, f"Faults: {', '.join(FAULTS)}.")
        )


def _digest(word: str, name: str) -> str:
    return sha256(f"{word} {name}".encode()).hexdigest()
