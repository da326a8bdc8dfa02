"""What a learning-rate range test found: the loss at each rate, and the rate to take."""

from dataclasses import dataclass
from typing import Any

from ..run import Run
from .blocks import Block, Box, Facts, Picture
from .drawing import BLUE, GREY, RED, blank, legend, saved
from .measured import unit_of
from .words import loss, number

Point = tuple[float, float]
"""A learning rate and a loss."""


@dataclass(frozen=True)
class Rates:
    """Losses at growing learning rates."""

    raw: tuple[Point, ...]
    """The loss of each step."""

    smoothed: tuple[Point, ...]
    """The running mean that the test watched."""

    suggested: float | None = None
    """The rate to take; None before the end, or where no rate lowered the loss."""

    diverged_at: float | None = None

    unit: str = "nats per token"
    """What the losses are."""

    @property
    def sentence(self) -> str:
        """What the picture shows, in words and numbers."""
        lowest = min(self.smoothed, key=lambda point: point[1])
        said = (
            f"From rate {self.raw[0][0]:.1e} to {self.raw[-1][0]:.1e} the loss went from "
            f"{loss(self.raw[0][1])} {self.unit} to its lowest mean {loss(lowest[1])} at "
            f"{lowest[0]:.1e}"
        )
        end = f" and exploded at {self.diverged_at:.1e}" if self.diverged_at else ""
        advice = f" Suggested: {self.suggested:.1e}." if self.suggested else ""
        return f"{said}{end}.{advice}"


def rates(run: Run) -> list[Block]:
    """Return what a range test has found so far, or in the end."""
    found = _rates(run)
    if not found.smoothed:
        return []
    picture = Picture("Loss by learning rate", found.sentence, lambda: rates_chart(found))
    if not run.metrics:
        return [picture]
    return [_advice(run.metrics), picture]


def rates_chart(found: Rates) -> bytes:
    """Draw the loss over the learning rate, the latter in decades; returns SVG."""
    figure, axes = blank(5.8, 2.9)
    axes.set_xscale("log")
    axes.plot(*zip(*found.raw, strict=True), color=BLUE, alpha=0.5, linewidth=1, label="each step")
    axes.plot(*zip(*found.smoothed, strict=True), color=BLUE, linewidth=2, label="smoothed")
    if found.suggested:
        style: dict[str, Any] = {"color": RED, "linestyle": "--", "linewidth": 1.6}
        axes.axvline(found.suggested, label=f"suggested: {found.suggested:.1e}", **style)
    axes.set_ylim(0, 1.6 * max(value for _, value in found.smoothed[:3]))
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"loss ({found.unit})")
    axes.minorticks_off()
    axes.tick_params(colors=GREY)
    legend(figure)
    return saved(figure, "svg")


def _advice(metrics: dict[str, Any]) -> Block:
    if metrics.get("suggested") is None:
        return Box(
            "No learning rate lowered the loss",
            f"Between {1e-6:g} and {1:g} no rate lowered the loss of {loss(metrics['first_loss'])} "
            "by more than 2 %.",
            ("Look at the rows and the template; see whether the model knows the task already.",),
        )
    items = [
        ("suggested learning rate", f"{metrics['suggested']:.1e}"),
        ("loss lowest at", f"{metrics['lowest_at']:.1e}"),
        ("loss fell fastest at", f"{metrics['steepest']:.1e}"),
    ]
    if metrics.get("diverged_at"):
        items.append(("loss exploded at", f"{metrics['diverged_at']:.1e}"))
    return Facts("Learning rate", tuple(items), tiles=True)


def _rates(run: Run) -> Rates:
    probes = [event for event in run.of("lr_probe") if number(event["smoothed"]) < float("inf")]
    raw, smoothed = (
        tuple(
            (number(event["learning_rate"]), number(event[name]))
            for event in probes
            if number(event[name]) < float("inf")
        )
        for name in ("loss", "smoothed")
    )
    metrics = run.metrics
    suggested, diverged_at = metrics.get("suggested"), metrics.get("diverged_at")
    return Rates(raw, smoothed, suggested, diverged_at, unit_of(run))
