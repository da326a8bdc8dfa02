"""Numbers as a person reads them: with their unit, no more digits than they carry."""

import math
import time
from collections.abc import Sequence
from typing import Any

MIB = 2**20
GIB = 2**30

STATUS = {
    "waiting": ("…", "waiting to start"),
    "running": ("●", "running"),
    "stopping": ("◐", "stopping after this step"),
    "done": ("✓", "done"),
    "stopped": ("■", "stopped"),
    "failed": ("✗", "failed"),
}
"""Sign and words of each status."""

NAMES = {
    "n": "held-out rows",
    "loss": "loss (nats per token)",
    "eval_loss": "loss (nats per token)",
    "macro_f1": "macro F1",
    "size_bytes": "size",
    "peak_bytes": "peak memory",
    "exact_match": "exact match",
    "first_token_seconds": "first token",
    "token_seconds": "each further token",
    "token_seconds_min": "quickest token",
    "n_tokens": "tokens measured",
    "n_new_tokens": "greedy tokens compared",
    "first_difference": "greedy tokens alike from the start",
    "max_abs_logit_diff": "largest logit difference",
    "kl": "KL (nats per token)",
    "top1_agreement": "same likeliest token",
    "trainable": "trainable parameters",
    "total": "all parameters",
}
"""Keys of the record that read better in other words."""

SHARES = ("accuracy", "exact_match", "agreement")
"""Keys, or ends of keys, whose values are shares of rows or tokens."""


def number(value: Any) -> float:  # noqa: ANN401 - JSON values
    """Return a recorded number; what is none (or was written as a word) becomes nan or inf."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def loss(value: Any) -> str:  # noqa: ANN401 - JSON values
    """Return a loss (nats per token) with three decimals."""
    return "–" if value is None else f"{number(value):.3f}"


def percent(share: Any) -> str:  # noqa: ANN401 - JSON values
    """Return a share of 1 as per cent with one decimal."""
    return "–" if share is None else f"{100 * number(share):.1f} %"


def interval(bounds: Any) -> str:  # noqa: ANN401 - JSON values
    """Return the 95 % interval of a share, or nothing where there is none."""
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        return ""
    low, high = (100 * number(bound) for bound in bounds)
    return f"[{low:.1f}, {high:.1f}]"


def size(count: Any) -> str:  # noqa: ANN401 - JSON values
    """Return a number of bytes in KiB, MiB or GiB."""
    value = number(count)
    if not math.isfinite(value):
        return "–"
    if value >= 10 * GIB:
        return f"{value / GIB:.0f} GiB"
    if value >= GIB:
        return f"{value / GIB:.2f} GiB"
    if value >= MIB:
        return f"{value / MIB:.{0 if value >= 100 * MIB else 1}f} MiB"
    return f"{value / 1024:.0f} KiB" if value >= 1024 else f"{value:.0f} bytes"


def count(value: Any) -> str:  # noqa: ANN401 - JSON values
    """Return a whole number, its thousands apart."""
    return f"{number(value):,.0f}".replace(",", "\u202f") if value is not None else "–"


def share(done: Any, total: Any) -> str:  # noqa: ANN401 - JSON values
    """Return how much of a whole is done: rows as counts, what is counted in bytes as sizes."""
    shown = size if number(total) >= MIB else count
    return f"{shown(done)} of {shown(total)}"


def clock(seconds: float | None) -> str:
    """Return a duration as minutes:seconds, or hours:minutes:seconds."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def seconds(value: Any) -> str:  # noqa: ANN401 - JSON values
    """Return a duration in ms, s, or minutes and seconds."""
    span = number(value)
    if not math.isfinite(span):
        return "–"
    if span < 1:
        return f"{1000 * span:.1f} ms"
    if span < 90:
        return f"{span:.1f} s"
    return f"{clock(span)} h" if span >= 3600 else f"{int(span // 60)} min {span % 60:.0f} s"


def tail(text: Any, longest: int = 90) -> str:  # noqa: ANN401 - JSON values
    """Return the end of a text on one line, cut between words."""
    flat = " ".join(str(text).split())
    if len(flat) <= longest:
        return flat
    end = flat[-longest:]
    return "… " + end[end.find(" ") + 1 :]


def head(text: Any, longest: int = 90) -> str:  # noqa: ANN401 - JSON values
    """Return the beginning of a text on one line."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= longest else flat[:longest].rstrip() + " …"


def apart(texts: Sequence[Any], longest: int = 110) -> list[str]:
    """Return texts without the lines that all begin and end with, each on one line."""
    whole = [str(text).strip() for text in texts]
    if len(set(whole)) < 2:
        return [tail(text, longest) for text in whole]
    lead = whole[0][: _alike(whole)]
    start = max(lead.rfind("\n") + 1, lead.rfind(": ") + 2 if ": " in lead else 0)
    rest = [text[start:] for text in whole]
    close = rest[0][len(rest[0]) - _alike([text[::-1] for text in rest]) :]
    cut = len(close) - close.find("\n") if "\n" in close else 0
    own = [text[: len(text) - cut] for text in rest]
    return [tail(text, longest) for text in (own if all(own) else whole)]


def _alike(texts: Sequence[str]) -> int:
    """Return how many characters all texts begin with alike."""
    columns = enumerate(zip(*texts, strict=False))
    return next((at for at, row in columns if len(set(row)) > 1), min(map(len, texts)))


def name(key: str) -> str:
    """Return a key of the record in words."""
    if key in NAMES:
        return NAMES[key]
    for end in ("_seconds", "_bytes"):
        key = key.removesuffix(end)
    return key.replace("_", " ")


def value_of(key: str, value: Any) -> str:  # noqa: ANN401 - JSON values
    """Return a recorded value with the unit that its key says."""
    if value is None:
        return "all" if key == "first_difference" else "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(value_of("", part) for part in value)
    if isinstance(value, dict):
        return ", ".join(value)
    if not isinstance(value, int | float):
        return str(value)
    return _measured(key, value)


def _measured(key: str, value: float) -> str:
    if key.endswith("bytes"):
        return size(value)
    if key.endswith(("seconds", "seconds_min")):
        return seconds(value)
    if key.endswith("_per_second"):
        return f"{value:.0f} per second"
    if key.endswith(SHARES):
        return percent(value)
    if isinstance(value, int):
        return count(value)
    return f"{value:.3f}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.2g}"


def when(created: float) -> str:
    """Return a point in time, in seconds since 1970, as a person reads it."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(created))
