"""What this machine has and uses: processors, memory and its limit."""

import contextlib
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Any

from . import cgroup

MIB = 2**20
SPIN = {"GOMP_SPINCOUNT": "2000"}
"""How long OpenMP's threads spin for each other before they sleep. With the default a busy machine
makes a training step ten times slower; with this 2.5 times, and a quiet machine loses nothing."""

_forgotten = 0
"""The largest memory before the last `forget_peak`, in bytes."""


def is_asked(name: str) -> bool:
    """Tell whether an environment variable is set to 1, true, yes or on."""
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


def processors() -> int:
    """Return the processors this process may use: OMP_NUM_THREADS, affinity and cgroup quota."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = cgroup.processors()
    return max(1, min(allowed or 1, quota or 2**16, int(wanted) if wanted.isdigit() else 2**16))


def memory_limit() -> int:
    """Return the bytes this process tree may use: the cgroup's limit or the machine's memory."""
    total = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min([total, *cgroup.memory_limits()])


def tree_bytes(pid: int | None = None) -> int:
    """Return the memory of a process and all its descendants; shared pages count once."""
    return sum(_share(process) for process in _family(pid))


def tree_seconds(pid: int | None = None) -> float:
    """Return the processor time of a process and all its descendants, ended ones included."""
    return sum(_seconds(process) for process in _family(pid))


def peak_bytes() -> int:
    """Return the largest resident memory this process has had, in bytes."""
    return max(_forgotten, peak_now())


def peak_now() -> int:
    """Return the largest resident memory since `forget_peak`, or since the process began."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux, where ru_maxrss would begin at the parent's size
        return _highest_resident()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _highest_resident() -> int:
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def forget_peak() -> None:
    """Let `peak_now` begin anew, where the system can; `peak_bytes` keeps what was seen."""
    global _forgotten
    _forgotten = peak_bytes()
    with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak stays as it is
        Path("/proc/self/clear_refs").write_text("5")


def begin_peak() -> None:
    """Let `peak_bytes` begin anew for one more run of this process, where the system can."""
    global _forgotten
    forget_peak()
    _forgotten = 0


def python_path() -> str:
    """Return a child's PYTHONPATH, by which it finds `labkit` where it is found here."""
    here = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))


def ending(code: int) -> str:
    """Return how a process ended, of its exit status as `subprocess` gives it."""
    return (
        f"was killed by {signal.Signals(-code).name}"
        if code < 0
        else f"ended with exit status {code}"
    )


def child_environment() -> dict[str, str]:
    """Return this process's environment for a child that computes with `labkit`."""
    return {**SPIN, **os.environ, "PYTHONPATH": python_path()}


def give_back_memory() -> None:
    """Return to the system what the C library keeps of freed memory, where it can be asked to."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def facts() -> dict[str, Any]:
    """Return what a reader needs to judge this machine's timings, without names or addresses."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor_name(),
        "processors": processors(),
        "memory_limit_bytes": memory_limit(),
    }


def versions(*packages: str) -> dict[str, str]:
    """Return the installed version of each package that is installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _family(pid: int | None) -> list[Any]:
    """Return a process, this one if left out, and its descendants; none once it is gone."""
    import psutil

    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _seconds(process: Any) -> float:  # noqa: ANN401 - psutil is not typed
    """Return the processor time of a process and of the children it has seen end."""
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _share(process: Any) -> int:  # noqa: ANN401 - psutil is not typed
    """Return a process's proportional share of memory, or its resident memory where hidden."""
    import psutil

    try:
        with contextlib.suppress(psutil.AccessDenied, AttributeError):
            return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((ln.split(":", 1)[1].strip() for ln in lines if ln.startswith("model name")), "")
