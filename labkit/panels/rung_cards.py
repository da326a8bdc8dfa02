"""The rungs of an export as cards, from the base to the smallest; those to come are there too."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..report import measured, words
from ..report.rungs import (
    ORDER,
    Ladder,
    apart,
    ladder_of,
    metric_of,
    metric_title,
    state,
    times_faster,
    verdict,
)
from ..run import FINISHED, Run
from .cards import card, cards, facts

KINDS = {
    "base": "before training, PyTorch",
    "adapter": "the tuned model, PyTorch",
    "merged": "as one model, PyTorch",
}
"""What the rungs before the exports are."""


def rung_cards(run: Run | None, asked: Sequence[str]) -> str:
    """Return the ladder of an export, as far as it was climbed.

    Args:
        run: The export; None where there is none yet.
        asked: Precisions that were or would be asked for.
    """
    of = ladder_of(run) if run else Ladder({})
    goes = run is not None and run.status not in FINISHED
    now = str((measured.stage(run) or {}).get("name", "")) if run and goes else ""
    names = [name for name in ORDER if name in of.rungs or name in asked or name in KINDS]
    names = [name for name in names if name in of.rungs or goes or name != "merged"]
    made = [_card(of, name, now, goes=goes) for name in names]
    return cards(made, "Rungs from the base model to the smallest export", 145)


def _card(of: Ladder, name: str, now: str, *, goes: bool) -> str:
    rung = of.rungs.get(name, {})
    known = state(rung) if rung else ""
    is_open = known in ("", "None")
    shown = _open(name, now, goes=goes) if is_open else verdict(rung)
    is_chosen = name == of.chosen
    kind = "labkit-open" if is_open else f"labkit-{known}" + " labkit-chosen" * is_chosen
    about = KINDS.get(name, "★ the model" if is_chosen else "ONNX Runtime")
    lead = f'<div class="labkit-small">{about}</div>'
    return card(
        f"{name} ★" if is_chosen else name, shown, lead + facts(_numbers(of, name, rung)), kind
    )


def _open(name: str, now: str, *, goes: bool) -> str:
    """Return what becomes of a rung without a verdict."""
    if name in now.split():
        return f"… {now}"
    return "… to come" if goes else "not made"


def _numbers(of: Ladder, name: str, rung: Mapping[str, Any]) -> list[tuple[str, str]]:
    latency = rung.get("latency") or {}
    faster = times_faster(of, name) if rung else None
    items = [
        ("size", words.size(rung.get("size_bytes"))),
        ("per token", words.seconds(latency.get("token_seconds"))),
        ("than PyTorch", f"{faster:.1f} ×" if faster and rung.get("engine") == "onnx" else "–"),
        ("KL", apart(rung, "kl")),
        ("same token", apart(rung, "top1_agreement")),
        (metric_title(of), metric_of(rung).partition(" [")[0]),
    ]
    return [(label, value) for label, value in items if label and value != "–"]
