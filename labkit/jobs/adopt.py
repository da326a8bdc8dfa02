"""The job of taking in a model that was trained elsewhere: copied, and measured beside its base."""

import shutil
from pathlib import Path

from ..spec import AdoptSpec
from .cards import write_results
from .combine import adapter_sizes
from .job import Job, opened, write_environment
from .learning import tokens
from .measuring import Held, measure

CODE = (".py", ".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Endings of files that can run code when they are read; they are left behind."""


def adopt(job: Job) -> str:
    """Copy the folder into the run, then measure it on the held-out rows as any run is."""
    spec = job.spec
    assert isinstance(spec, AdoptSpec)
    splits, folder, tokenizer = opened(job, spec)
    tokens(job, splits, tokenizer, spec)
    write_environment(job, splits.fingerprint)
    job.emit("stage", name="copying", done=0, total=1)
    learned = job.path / ("model" if spec.method == "full" else "adapter")
    named = Path(spec.folder)
    _copy(named if named.is_dir() else folder, learned)
    if job.should_stop():
        return "stopped"
    found = measure(Held(job, spec, folder, tokenizer, splits), learned)
    own = {} if spec.method == "full" else {"adapter": adapter_sizes(learned)}
    write_results(job, found | own)
    return "done"


def _copy(source: Path, target: Path) -> None:
    """Copy a folder, whole or not at all; what is there stays."""
    if target.exists():
        return
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for file in source.iterdir():
        if file.is_file() and file.suffix not in CODE:
            shutil.copyfile(file, draft / file.name)
    draft.replace(target)
