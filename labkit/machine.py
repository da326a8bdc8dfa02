"""What this machine has and uses: processors, memory and its limit, kills by the memory limit."""

import contextlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

MIB = 2**20
SPIN = {"GOMP_SPINCOUNT": "2000"}
"""How long OpenMP's threads spin for each other before they sleep. With the default a busy machine
makes a training step ten times slower; with this 2.5 times, and a quiet machine loses nothing."""

_forgotten = 0
"""The largest memory before the last `forget_peak`, in bytes."""

_NO_LIMIT = 2**60
"""cgroup v1 writes a number near 2**63 where there is no limit."""


def is_asked(name: str) -> bool:
    """Tell whether an environment variable is set to 1, true, yes or on."""
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


def processors() -> int:
    """Return the processors this process may use: OMP_NUM_THREADS, affinity and cgroup quota."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _cpu_quota()
    return max(1, min(allowed or 1, quota or 2**16, int(wanted) if wanted.isdigit() else 2**16))


def memory_limit() -> int:
    """Return the bytes this process tree may use: the cgroup's limit or the machine's memory."""
    total = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limits = [_number(folder / name) for folder, name in _memory_files("limit")]
    return min([total, *(value for value in limits if value is not None and value < _NO_LIMIT)])


def memory_kills() -> int:
    """Return how many processes the memory limit of this cgroup has killed so far."""
    for folder, name in _memory_files("kills"):
        try:
            lines = (folder / name).read_text().splitlines()
        except OSError:
            continue
        counts = dict(line.split() for line in lines if len(line.split()) == 2)
        if "oom_kill" in counts:
            return int(counts["oom_kill"])
    return 0


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


def _memory_files(what: str) -> list[tuple[Path, str]]:
    """Return where the cgroup says its limit or its kills: version 2, then version 1."""
    name2, name1 = {
        "limit": ("memory.max", "memory.limit_in_bytes"),
        "kills": ("memory.events", "memory.oom_control"),
    }[what]
    two = [(folder, name2) for folder in _folders("")]
    return two + [(folder, name1) for folder in _folders("memory")]


def _folders(controller: str) -> list[Path]:
    """Return a controller's folders: this process's group, then the top (version 2: no name)."""
    root = Path("/sys/fs/cgroup") / controller
    return [root / _group(controller).lstrip("/"), root]


def _group(controller: str) -> str:
    """Return this process's cgroup path for a controller (version 2 has the empty name)."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path
    return ""


def _cpu_quota() -> int | None:
    """Return the processors that the cgroup allows, at least 1; None without a limit."""
    allowed = [*map(_quota2, _folders("")), *map(_quota1, _folders("cpu"))]
    return min((max(1, number) for number in allowed if number is not None), default=None)


def _quota2(folder: Path) -> int | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) // int(period)


def _quota1(folder: Path) -> int | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota // period if quota is not None and period and quota > 0 else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
