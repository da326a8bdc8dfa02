"""The main job on the embedded default: fine-tune a real model on real data, export, check."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import api, catalog, machine, report
from .run import Run, runs_folder
from .spec import FinetuneSpec

SPEC = FinetuneSpec()
"""The default model on the default data, with the default settings."""


def demo(name: str = "demo") -> str:
    """Run the main job and return its one line for machines.

    The minutes leave out fetching the model; the memory is the largest of the whole process tree.
    """
    catalog.resolve_model(SPEC.model, progress=report.progress_line)
    _set_aside(name)
    start = time.monotonic()
    with peak_memory() as peak:
        run = api.finetune(SPEC, name=name)
        export = api.optimize(run, precision="int8")
    minutes = (time.monotonic() - start) / 60
    return summary(run, export, minutes, peak[0])


def summary(run: Run, export: Run, minutes: float, peak_bytes: int) -> str:
    """Return `demo: base=… tuned=… int8=… n=… minutes=… peak_MiB=…`."""
    found = run.metrics
    return (
        f"demo: base={found['base']['accuracy']:.2f} tuned={found['tuned']['accuracy']:.2f} "
        f"int8={export.metrics['rungs']['int8']['metric']['value']:.2f} n={found['n']} "
        f"minutes={minutes:.1f} peak_MiB={peak_bytes / machine.MIB:.0f}"
    )


def _set_aside(name: str) -> None:
    """Rename an earlier demo, so that nothing is overwritten."""
    folder = runs_folder() / name
    if folder.exists():
        folder.rename(folder.with_name(f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"))


@contextmanager
def peak_memory(every: float = 0.5) -> Iterator[list[int]]:
    """Give a list whose one item grows to the largest memory of this process tree, in bytes."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(every):
            peak[0] = max(peak[0], machine.tree_bytes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()
