"""The job of making one adapter of several: combined, held beside their sum, measured."""

import gc
import json
import math
from pathlib import Path
from typing import Any

from .. import machine, training
from ..export.adapters import distance, read_lora
from ..run import Run
from ..spec import CombineSpec
from .cards import write_results
from .job import Job, opened, write_environment
from .learning import tokens
from .measuring import Held, measure


def combine(job: Job) -> str:
    """Combine, tell how far the result is from the sum, measure it on the first run's rows."""
    spec = job.spec
    assert isinstance(spec, CombineSpec)
    splits, folder, tokenizer = opened(job, spec)
    tokens(job, splits, tokenizer, spec)
    write_environment(job, splits.fingerprint)
    job.emit("stage", name="combining", done=0, total=1)
    parts = [Run(name).learned for name in spec.adapters]
    made = Run(job.path).adapter
    if not made.exists():
        base = training.load_base(folder, trust_remote_code=spec.trust_remote_code)
        training.combine(base, parts, spec, made)
        del base
        gc.collect()
        machine.give_back_memory()
    if job.should_stop():
        return "stopped"
    away = distance(read_lora(made), [read_lora(part) for part in parts], spec.shares)
    job.notes([about(spec, away)])
    found = measure(Held(job, spec, folder, tokenizer, splits), made)
    own = {"combination": {"distance": away}, "adapter": adapter_sizes(made)}
    write_results(job, found | own)
    return "done"


def about(spec: CombineSpec, away: float) -> str:
    """Return how far a combination is from the weighted sum of what its adapters change."""
    said = f"{spec.combine} of {', '.join(spec.adapters)}"
    if away < 1e-4:  # float32 is as exact as that
        return f"{said} is the weighted sum of what the adapters change."
    return f"{said} is {away:.0%} away from the weighted sum of what the adapters change (cat)."


def adapter_sizes(folder: Path) -> dict[str, Any]:
    """Count the weights of an adapter, and its bytes on disk."""
    with (folder / "adapter_model.safetensors").open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    head.pop("__metadata__", None)
    size = sum(file.stat().st_size for file in folder.iterdir())
    return {"trainable": sum(math.prod(of["shape"]) for of in head.values()), "bytes": size}
