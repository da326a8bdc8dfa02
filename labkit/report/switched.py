"""The adapters beside an exported base model, as blocks: how true each is, what a switch costs."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..run import Run
from . import words
from .blocks import Block, Box, Table
from .figures import title
from .rungs import Ladder, apart, metric_of, verdict

COSTS = {"plain": "base, without inputs for adapters", "none": "base, none switched on"}
"""Rows of the table of costs that are no adapter."""

HEADER = (
    "adapter", "model", "verdict", "rank", "size", "KL", "same token", "logits", "greedy",
    "task's metric", "in PyTorch",
)  # fmt: skip

ABOUT = (
    "Each beside PEFT's model with the same adapter, on its own held-out rows. Task's metric: of "
    "the answers with the adapter switched on, and of PEFT's model (in PyTorch)."
)


def adapters(run: Run, of: Ladder) -> list[Block]:
    """Return what is known of the adapters beside an exported base; nothing where there are none.

    Args:
        run: The export's run.
        of: What it measured.
    """
    found = of.found.get("adapters") or _going(run)
    rows = tuple(_rows(found))
    table = [Table("Adapters", HEADER, rows, note=ABOUT)] if rows else []
    return [*table, *_beyond(found), *_costs(of)]


def _going(run: Run) -> dict[str, dict[str, Any]]:
    """Return the adapters that are known while the export is going."""
    found: dict[str, dict[str, Any]] = {}
    for event in run.of("adapter"):
        own = found.setdefault(str(event["name"]), dict(event))
        own[str(event["precision"])] = event
    return found


def _judged(adapter: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what was found about an adapter with each precision of its base."""
    for precision, found in adapter.items():
        if isinstance(found, Mapping) and found.get("held_out"):
            yield precision, found


def _rows(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for name, adapter in found.items():
        for precision, judged in _judged(adapter):
            measures = ("kl", "top1_agreement", "max_abs_logit_diff", "first_difference")
            yield (
                name,
                precision,
                verdict({"engine": "onnx", **judged}),
                words.value_of("r", adapter.get("r")),
                words.size(adapter.get("size_bytes")),
                *(apart(judged, key) for key in measures),
                _metric(judged),
                metric_of(adapter.get("torch") or {}),
            )


def _metric(judged: Mapping[str, Any]) -> str:
    """Return the task's metric by its name, with its interval and the rows it was counted on."""
    found = judged.get("metric") or {}
    if not found:
        return "–"
    return f"{title(str(found['name']))} {metric_of(judged)}, n = {words.count(found['n'])}"


def _beyond(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Box]:
    """Yield why an adapter was refused, or that it was kept all the same."""
    for name, adapter in found.items():
        for precision, judged in _judged(adapter):
            reasons = " ".join(map(str, judged.get("reasons") or ()))
            if judged.get("verdict") == "refused":
                how = "Export its run by itself: %optimize " + str(adapter.get("run") or name)
                yield Box(f"✗ {name} on {precision} is refused", reasons, (how,))
            elif judged.get("verdict") == "accepted":
                text = f"{reasons} It was accepted all the same (--accept).".strip()
                yield Box(f"⚠ {name} on {precision} is kept beyond its gate", text, ())


def _costs(of: Ladder) -> list[Block]:
    """Return what a token costs with each adapter and without."""
    rows = tuple(
        (
            COSTS.get(name, name),
            precision,
            words.seconds(times.get("token_seconds")),
            words.seconds(times.get("cpu_token_seconds")),
        )
        for precision, measured in (of.found.get("latency") or {}).items()
        for name, times in measured.items()
    )
    header = ("switched on", "model", "per token", "CPU")
    return [Table("What an adapter costs", header, rows)] if rows else []
