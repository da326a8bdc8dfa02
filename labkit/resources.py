"""What a worker uses while it works: memory, processor cores and a GPU, as `resources` events."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from . import machine

MEMORY_CHANGE = 0.02
"""Share by which the memory must have changed to be worth an event."""

CORES_CHANGE = 0.5
"""Cores by which the use of the processors must have changed to be worth an event."""

LONGEST = 5.0
"""Seconds after which there is an event in any case."""


@dataclass(frozen=True)
class Use:
    """What a process tree uses at one moment."""

    bytes: int
    """Memory; shared pages count once."""

    cpu: float
    """Processor cores kept busy since the moment before."""

    gpu_bytes: int | None = None
    """Memory in use on the GPU; None where there is none or it is not used."""

    gpu: float | None = None
    """Share of time, 0 to 1, in which the GPU computed; None where nobody tells."""

    def differs(self, before: "Use") -> bool:
        """Tell whether the use has changed enough for a reader to care."""
        return (
            abs(self.bytes - before.bytes) > MEMORY_CHANGE * before.bytes
            or abs(self.cpu - before.cpu) > CORES_CHANGE
            or abs((self.gpu_bytes or 0) - (before.gpu_bytes or 0))
            > MEMORY_CHANGE * (before.gpu_bytes or 0)
        )


@contextlib.contextmanager
def watched(emit: Callable[..., None], *, every: float = 1.0) -> Iterator[None]:
    """Record what this process tree uses: looked at each `every` seconds, told when it changed."""
    over = threading.Event()

    def watch() -> None:
        meter, last, told = Meter(), Use(0, 0.0), 0.0
        while not over.wait(every):
            use = meter.read()
            if use.differs(last) or time.monotonic() - told >= LONGEST:
                known = {name: value for name, value in asdict(use).items() if value is not None}
                emit("resources", limit=machine.memory_limit(), **known)
                last, told = use, time.monotonic()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Meter:
    """Reads what this process tree uses; cores are counted from one reading to the next."""

    def __init__(self) -> None:
        self._before = time.monotonic(), machine.tree_seconds()

    def read(self) -> Use:
        """Return the use now."""
        now, seconds = time.monotonic(), machine.tree_seconds()
        passed, busy = now - self._before[0], seconds - self._before[1]
        self._before = now, seconds
        cores = round(max(0.0, busy) / passed, 2) if passed > 0 else 0.0
        return Use(machine.tree_bytes(), cores, *_gpu())


def _gpu() -> tuple[int | None, float | None]:
    """Return the GPU's memory in use and its load; asks only a GPU that is at work already."""
    torch: Any = sys.modules.get("torch")
    if getattr(torch, "cuda", None) is None or not torch.cuda.is_initialized():
        return None, None
    free, total = torch.cuda.mem_get_info()
    try:
        return total - free, torch.cuda.utilization() / 100
    except Exception:  # noqa: BLE001 - whoever tells the load is not there, or may not
        return total - free, None
