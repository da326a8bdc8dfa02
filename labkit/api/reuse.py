"""Runs that are the same are made once, where LABKIT_REUSE names a folder to keep them in.

For building and testing notebooks, which ask for the same runs again and again. A run is the same
if its settings, its rows, labkit's code, the libraries and the processor are; what a finished run
left is then copied into the new run's folder. Nothing is reused where LABKIT_REUSE is not set.
"""

import hashlib
import os
import shutil
from functools import cache
from pathlib import Path

from .. import faults, machine, sent
from ..data import is_hub_id
from ..files import sha256_of
from ..run import TUNED, Run
from ..spec import FinetuneSpec, OptimizeSpec, SweepSpec

JOBS = (*TUNED, "optimize", "sweep")
"""Jobs whose runs are kept; the others take a moment."""

UNCOUNTED = ("course", "notebook", "panels", "cli")
"""Rooms of labkit that no result depends on."""

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "onnxruntime", "optuna", "numpy")

OWN = ("spec.yaml", "lock", "stop", "olive.json")
"""Files of a run that are never another run's."""


def fetch(run: Run) -> bool:
    """Put what the same run left into a new run's folder; tell whether there was one."""
    kept = _place(run)
    if kept is None or not kept.is_dir() or len(run.events()) > 1:  # it has begun before
        return False
    shutil.copytree(kept, run.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OWN))
    return True


def keep(run: Run) -> None:
    """Keep what a finished run left, for the next one like it."""
    kept = _place(run) if run.status == "done" else None
    if kept is None or kept.exists():
        return
    draft = kept.with_name(f"{kept.name}.{os.getpid()}")
    ignored = ("checkpoints", "onnx", "onnx-*", *OWN)
    shutil.copytree(run.path, draft, ignore=shutil.ignore_patterns(*ignored))
    try:
        draft.rename(kept)
    except OSError:  # another process was quicker
        shutil.rmtree(draft)


def fingerprint(run: Run) -> str | None:
    """Return what two runs have in common only if they would leave the same; None: not known.

    Of a run with a fault nothing is known: which fault it has stands nowhere.

    Args:
        run: A run; its settings and its rows are read.
    """
    rows = _rows(run)
    if run.job not in JOBS or rows is None or (run.path / sent.FILE).exists():
        return None
    if faults.is_marked(run.path):
        return None
    text = (run.path / "spec.yaml").read_text(encoding="utf-8").replace(str(run.path), "RUN")
    facts = machine.facts()
    processor = f"{facts['processor']} {facts['processors']}"
    parts = [run.job, text, rows, _tuned(run), _code(), str(machine.versions(*PACKAGES)), processor]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _place(run: Run) -> Path | None:
    folder = os.environ.get("LABKIT_REUSE")
    if not folder or (found := fingerprint(run)) is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) / found[:32]


def _rows(run: Run) -> str | None:
    """Return the hash of a run's rows; they are labkit's own where its code names them."""
    spec = run.spec
    name = spec.settings.get("data") if isinstance(spec, SweepSpec) else getattr(spec, "data", None)
    path = Path(str(name))
    if name is None or not path.exists():
        return None if name is not None and is_hub_id(str(name), path) else ""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return " ".join(sha256_of(file) for file in files if file.is_file())


def _tuned(run: Run) -> str:
    """Return the hashes of the models that a run begins with."""
    spec = run.spec
    named = [] if isinstance(spec, FinetuneSpec | SweepSpec) else [getattr(spec, "run", None)]
    if isinstance(spec, OptimizeSpec):
        named = [*(spec.adapters or ())] or named
    hashes = []
    for name in filter(None, named):
        files = sorted(Run(str(name)).learned.glob("*.safetensors"))
        hashes += [sha256_of(file) for file in files]
    return " ".join(hashes)


@cache
def _code() -> str:
    """Return the hash of labkit's code, as far as a result depends on it."""
    root = Path(__file__).parents[1]
    files = sorted(file for file in root.rglob("*") if file.suffix in (".py", ".toml", ".txt"))
    own = [file for file in files if file.relative_to(root).parts[0] not in UNCOUNTED]
    return hashlib.sha256("".join(map(sha256_of, own)).encode()).hexdigest()
