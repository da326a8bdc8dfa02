"""Size and time of an export's rungs against how far each is from the tuned model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from . import words
from .blocks import Block, Picture
from .drawing import BLUE, GREY, RED, blank, saved
from .rungs import Ladder, state

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = 1e-6
"""Divergence (nats per token) below which models answer alike; smaller ones are drawn here."""

LOOKS: dict[str, dict[str, Any]] = {
    "reference": {"marker": "D", "color": GREY, "markersize": 8},
    "passed": {"marker": "o", "color": BLUE, "markersize": 9},
    "accepted": {"marker": "^", "color": RED, "markersize": 10},
    "refused": {"marker": "X", "color": RED, "markersize": 10},
}
"""A shape for each verdict, so that no colour is needed to tell them apart."""

NAMES = {"reference": "PyTorch", "passed": "passed", "accepted": "accepted beyond its gate",
         "refused": "refused"}  # fmt: skip
"""Each verdict in the legend."""


NEAR = 20
"""A point whose gate is less than this many times its own divergence is labelled underneath."""


@dataclass(frozen=True)
class Axis:
    """What a rung costs."""

    field: str
    """Its field in a `Point`."""

    title: str
    label: str
    shown: Callable[[float], str]
    """A value with its unit."""


AXES = (
    Axis("size", "Size against quality", "size (MiB)", "{:.0f} MiB".format),
    Axis("token", "Time against quality", "time per token (ms, all threads)",
         "{:.1f} ms per token".format),
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One rung in the picture."""

    name: str
    verdict: str
    kl: float
    """Divergence from the tuned model, nats per token."""

    size: float | None
    """Megabytes (MiB) on the disk."""

    token: float | None
    """Milliseconds per token; None for a rung that was refused before it was timed."""

    gate: float | None = None
    """Largest divergence allowed; None where none is set."""


def points_of(of: Ladder) -> list[Point]:
    """Return the rungs that have a place in the picture; merged is drawn as the tuned model."""
    gates = of.found.get("gates") or {}
    found = []
    for name, rung in of.rungs.items():
        kl = 0.0 if name == "adapter" else (rung.get("held_out") or {}).get("kl")
        if not math.isfinite(words.number(kl)) or name == "merged":
            continue
        timed = of.torch if name == "adapter" else rung
        token, size = (timed.get("latency") or {}).get("token_seconds"), timed.get("size_bytes")
        found.append(
            Point(
                "tuned" if name == "adapter" else name,
                state(rung),
                words.number(kl),
                size / words.MIB if size else None,
                1000 * token if token else None,
                (gates.get(name) or {}).get("max_kl"),
            )
        )
    return found


def pictures_of(of: Ladder) -> list[Block]:
    """Return divergence over size, and over time per token, once two rungs can be compared."""
    points = points_of(of)
    found: list[Block] = []
    for axis in AXES:
        known = [point for point in points if getattr(point, axis.field) is not None]
        if len(known) > 1:
            draw = partial(ladder_chart, known, axis)
            found.append(Picture(axis.title, sentence_of(known, axis), draw))
    return found


def sentence_of(points: Sequence[Point], axis: Axis) -> str:
    """Return what a picture shows, in words and numbers."""
    said = [
        f"{point.name} ({NAMES.get(point.verdict, 'not decided')}): "
        f"{axis.shown(getattr(point, axis.field))}, KL {_short(point.kl)}"
        for point in points
    ]
    gates = [f"The gate is at {gate:g} nats per token." for gate in _gates(points)]
    return " ".join([f"{'; '.join(said)}.", *gates])


def ladder_chart(points: Sequence[Point], axis: Axis) -> bytes:
    """Draw divergence (decades) over size or time; returns SVG."""
    figure, axes = blank(5.2, 3.2)
    places = [getattr(point, axis.field) for point in points]
    axes.set_yscale("log")
    axes.set_ylim(FLOOR / 3, 4 * max(1.0, *(2 * point.kl for point in points)))
    axes.set_xlim(0, 1.2 * max(places))
    axes.set_yticks([FLOOR, 1e-4, 1e-2, 1.0], ["≤ 1e-6", "1e-4", "0.01", "1"])
    axes.minorticks_off()
    axes.set_xlabel(axis.label)
    axes.set_ylabel("KL (nats per token): lower is truer")
    for gate in _gates(points):
        _line(axes, gate)
    for point, place in zip(points, places, strict=True):
        axes.plot(place, max(point.kl, FLOOR), linestyle="none", **_look(point.verdict))
    for names, x, y in _labels(points, places):
        under = any(y < gate < NEAR * y for gate in _gates(points))  # not across the line
        axes.annotate(names, (x, y), xytext=(0, -8 if under else 8), textcoords="offset points",
                      ha="center", va="top" if under else "bottom", color=GREY,
                      fontsize=10)  # fmt: skip
    _named(figure, axes, points)
    return saved(figure, "svg")


def _line(axes: "Axes", gate: float) -> None:
    """Draw the largest divergence allowed, with its number at the right end."""
    axes.axhline(gate, color=RED, linestyle="--", linewidth=1.4)
    axes.annotate(f"gate {gate:g}", (1, gate), (0, 2), axes.get_yaxis_transform(),
                  "offset points", ha="right", va="bottom", color=GREY, fontsize=9)  # fmt: skip


def _named(figure: "Figure", axes: "Axes", points: Sequence[Point]) -> None:
    """Say above the axes what each shape means."""
    style: dict[str, Any] = {"frameon": False, "labelcolor": GREY, "fontsize": 9}
    shown = [verdict for verdict in LOOKS if any(point.verdict == verdict for point in points)]
    for verdict in shown:
        axes.plot([], [], linestyle="none", label=NAMES[verdict], **_look(verdict))
    figure.legend(loc="outside upper right", ncols=len(shown), **style)


def _look(verdict: str) -> dict[str, Any]:
    return LOOKS.get(verdict, {"marker": ".", "color": GREY})


def _labels(points: Sequence[Point], places: Sequence[float]) -> list[tuple[str, float, float]]:
    """Return what to write where: names of points that lie on one another are one text."""
    groups: list[list[tuple[str, float, float]]] = []
    for point, x in zip(points, places, strict=True):
        y = max(point.kl, FLOOR)
        near = (
            group
            for group in groups
            if abs(group[0][1] - x) < 0.12 * max(places) and 0.3 < group[0][2] / y < 3
        )
        found = next(near, None)
        if found is None:
            groups.append([(point.name, x, y)])
        else:
            found.append((point.name, x, y))
    return [(", ".join(name for name, _, _ in group), *group[0][1:]) for group in groups]


def _gates(points: Sequence[Point]) -> list[float]:
    """Return each largest divergence that a rung of the picture had to keep to."""
    return sorted({point.gate for point in points if point.gate is not None})


def _short(kl: float) -> str:
    return "below 1e-6" if kl < FLOOR else f"{kl:.2g}"
