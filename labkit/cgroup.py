"""What the control group of this process allows on Linux, versions 2 and 1: memory, processors."""

from pathlib import Path

_NO_LIMIT = 2**60
"""cgroup v1 writes a number near 2**63 where there is no limit."""


def memory_limits() -> list[int]:
    """Return the limits of memory that the cgroup says, bytes; none where there is no limit."""
    limits = [_number(folder / name) for folder, name in _memory_files("limit")]
    return [value for value in limits if value is not None and value < _NO_LIMIT]


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


def processors() -> int | None:
    """Return the processors that the cgroup allows, at least 1; None without a limit."""
    allowed = [*map(_quota2, _folders("")), *map(_quota1, _folders("cpu"))]
    return min((max(1, number) for number in allowed if number is not None), default=None)


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
