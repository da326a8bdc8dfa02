"""The rungs of an export as blocks: how true each is, how fast, why one was refused."""

from collections.abc import Mapping
from typing import Any

from ..run import Run
from . import words
from .blocks import Block, Box, Facts, Lines, Table
from .chart_ladder import pictures_of
from .rungs import (
    Ladder,
    apart,
    ladder_of,
    metric_of,
    metric_title,
    times_faster,
    verdict,
)
from .session import session
from .switched import adapters

ABOUT_TRUE = (
    "All beside the tuned model in PyTorch (adapter). KL: mean divergence in nats per token, on "
    "held-out rows and on a fixed English text. Same token: share of tokens whose likeliest next "
    "token is the same. Logits: the largest difference. Greedy: new tokens alike from the start. "
    "★: the smallest that passed."
)
ABOUT_FAST = (
    "First token: a prompt of 128 tokens. Per token: median wall time with all threads. CPU: "
    "processor time of a token on one thread."
)


def ladder(run: Run) -> list[Block]:
    """Return what an export proved and measured, from metrics.json or the events so far."""
    of = ladder_of(run)
    if not of.rungs:
        return []
    return [
        *model(of),
        *refusals(run, of),
        how_true(of),
        *how_fast(of),
        *pictures_of(of),
        *adapters(run, of),
        *session(of.found.get("tune") or {}),
        *steps(of),
    ]


def model(of: Ladder) -> list[Block]:
    """Return the chosen model in a few numbers."""
    if of.chosen is None:
        return []
    rung, faster = of.rungs[of.chosen], times_faster(of, of.chosen)
    items = [
        ("the model", of.chosen + " (accepted)" * (rung.get("verdict") == "accepted")),
        ("size", words.size(rung.get("size_bytes"))),
        ("per token", words.seconds((rung.get("latency") or {}).get("token_seconds"))),
        ("than PyTorch", f"{faster:.1f} × faster" if faster else "–"),
        ("KL (nats per token)", apart(rung, "kl")),
        (metric_title(of), metric_of(rung)),
    ]
    shown = tuple((label, value) for label, value in items if label and value != "–")
    return [Facts("", shown, tiles=True)]


def how_true(of: Ladder) -> Table:
    """Return each rung's distance from the tuned model, and the verdict on it."""
    metric = metric_title(of)
    rows = tuple(
        (
            _label(of, name),
            verdict(rung),
            apart(rung, "kl"),
            apart(rung, "kl", "text"),
            apart(rung, "top1_agreement"),
            apart(rung, "max_abs_logit_diff"),
            apart(rung, "perplexity_ratio"),
            apart(rung, "first_difference"),
            *([metric_of(rung)] if metric else []),
        )
        for name, rung in of.rungs.items()
    )
    header = ("rung", "verdict", "KL", "KL, text", "same token", "logits", "perplexity", "greedy")
    note = " ".join(filter(None, [ABOUT_TRUE, _counted(of), gates(of)]))
    return Table("How true", header + ((metric,) if metric else ()), rows, note=note)


def how_fast(of: Ladder) -> list[Block]:
    """Return each rung's size, times and memory; nothing before one is known."""
    rows = tuple(
        (_label(of, name), *_costs(of, name))
        for name, rung in of.rungs.items()
        if rung.get("latency") or rung.get("size_bytes")
    )
    header = ("rung", "size", "first token", "per token", "than PyTorch", "CPU", "load", "memory")
    return [Table("How fast", header, rows, note=ABOUT_FAST)] if rows else []


def refusals(run: Run, of: Ladder) -> list[Block]:
    """Return why rungs are beyond their gates, and what to do about each."""
    found: list[Block] = []
    for name, rung in of.rungs.items():
        reasons = " ".join(map(str, rung.get("reasons") or ()))
        if rung.get("verdict") == "refused":
            steps = tuple(_instead(run, of, name))
            found.append(Box(f"✗ {name} is refused", reasons, steps))
        elif rung.get("verdict") == "accepted":
            text = f"{reasons} It was accepted all the same (--accept)."
            how = "Read its answers before you rely on it; its model card says what it lost."
            found.append(Box(f"⚠ {name} is kept beyond its gate", text.strip(), (how,)))
    return found


def steps(of: Ladder) -> list[Block]:
    """Return what each step took, and how the weights were found, folded away."""
    took, peak = of.found.get("seconds") or {}, of.found.get("peak_bytes") or {}
    items = tuple(
        f"{name}: {_step(took.get(name), peak.get(name))}" for name in dict.fromkeys([*took, *peak])
    )
    how = tuple(
        f"{name}: " + ", ".join(f"{words.name(key)} {_short(key, value)}" for key, value
        in rung["how"].items())
        for name, rung in of.rungs.items()
        if rung.get("how")
    )  # fmt: skip
    titles = (("Seconds and peak memory of the steps", items), ("How the weights were found", how))
    return [Lines(title, lines) for title, lines in titles if lines]


def _short(key: str, value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a setting, the ends of a curve, or the largest of many numbers by name."""
    if isinstance(value, dict):
        largest = sorted(value, key=value.__getitem__, reverse=True)[:3]
        return "most in " + ", ".join(f"{name} ({value[name]:.2g})" for name in largest)
    if key == "losses" and value:
        return f"from {value[0]:.3g} to {value[-1]:.3g} nats"
    return words.value_of(key, value)


def gates(of: Ladder) -> str:
    """Return what quantised rungs had to keep to, in a sentence for each different rule."""
    rules: dict[str, list[str]] = {}
    for name, gate in (of.found.get("gates") or {}).items():
        if name in of.rungs and (rule := _rule(gate)):
            rules.setdefault(rule, []).append(name)
    return " ".join(f"Gate of {' and '.join(names)}: {rule}." for rule, names in rules.items())


def _rule(gate: Mapping[str, Any]) -> str:
    known = (
        ("max_kl", "KL at most {:g}"),
        ("min_top1", "same token at least {:.0%}"),
        ("max_drop", "metric at most {:g} worse"),
    )
    found = [text.format(gate[key]) for key, text in known if gate.get(key) is not None]
    return ", ".join(found).replace("%", "\u00a0%")


def _counted(of: Ladder) -> str:
    n = of.found.get("n_rows")
    return f"The metric was counted on {words.count(n)} held-out rows." if n else ""


def _label(of: Ladder, name: str) -> str:
    return f"{name} ★" if name == of.chosen else name


def _costs(of: Ladder, name: str) -> tuple[str, ...]:
    rung = of.rungs[name]
    latency, faster = rung.get("latency") or {}, times_faster(of, name)
    return (
        words.size(rung.get("size_bytes")),
        words.seconds(latency.get("first_token_seconds")),
        words.seconds(latency.get("token_seconds")),
        f"{faster:.1f} ×" if faster else "–",
        words.seconds(latency.get("cpu_token_seconds")),
        words.seconds(latency.get("load_seconds")),
        words.size(latency.get("peak_bytes")),
    )


def _instead(run: Run, of: Ladder, name: str) -> list[str]:
    """Return what a reader can do about a refused rung, the safest first."""
    spec, method = run.spec.as_dict(), of.rungs[name].get("how", {}).get("method")
    beside = f" --adapters {','.join(spec['adapters'])}" if spec.get("adapters") else ""
    again = f"%optimize {spec['run']}{beside} --precision"
    found = [f"Use {of.chosen}: it is the smallest within its gate."] if of.chosen else []
    if name == "int4" and method != "repaired" and not beside:
        found.append(f"Train it some more in 4 bits: {again} int4 --int4 repaired")
    found.append(f"Keep it all the same: {again} {name} --accept; its card says so.")
    return found


def _step(took: Any, peak: Any) -> str:  # noqa: ANN401 - JSON values
    parts = [words.seconds(took)] if took is not None else []
    parts += [f"at most {words.size(peak)}"] if peak is not None else []
    return ", ".join(parts)
