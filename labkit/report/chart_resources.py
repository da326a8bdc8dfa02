"""What a run used of the machine, over time: memory, processor cores, tokens per second."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from ..recorder import Event
from ..run import Run
from . import measured, words
from .drawing import BLUE, GREY, RED, blank, saved, styled
from .words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]
"""Minutes since the run was started, and a value."""

MOST_POINTS = 150
"""Points drawn of a line; more are thinned out, so that a page stays small."""


@dataclass(frozen=True)
class Resources:
    """What was used, by minutes since the run was started."""

    memory: tuple[Point, ...]
    """Bytes of the worker and its children."""

    cores: tuple[Point, ...]
    """Processor cores kept busy."""

    speed: tuple[Point, ...]
    """Tokens read per second, prompts included."""

    gpu: tuple[Point, ...]
    """Bytes in use on the GPU; none where there is none."""

    limit: float | None
    """Bytes that the worker may use."""

    peak: float = 0.0
    """The most bytes that the record tells; the line may lie lower, see `peak_memory`."""

    @property
    def sentence(self) -> str:
        """What the picture shows, in words and numbers."""
        top = max(value for _, value in self.memory)
        most = f" of {words.size(self.limit)}" if self.limit else ""
        most += " (the line counts shared libraries in part)" if self.peak > top else ""
        said = [f"Memory was at most {words.size(max(self.peak, top))}{most}"]
        if self.gpu:
            said.append(f"GPU memory at most {words.size(max(value for _, value in self.gpu))}")
        if self.cores:
            said.append(f"{fmean(value for _, value in self.cores):.1f} cores were busy on average")
        if self.speed:
            per_second = words.count(median(value for _, value in self.speed))
            said.append(f"half of the steps read more than {per_second} tokens per second")
        return "; ".join(said) + "."


def resources(run: Run) -> Resources | None:
    """Return what a run used, as far as recorded; None where nothing was."""
    used, starts = run.of("resources"), run.of("start")
    if not used or not starts:
        return None
    began = starts[0]["time"]
    limit = used[-1].get("limit")
    steps = [event for event in run.of("step") if number(event.get("seconds")) > 0]
    return Resources(
        memory=_points(used, "bytes", began),
        cores=_points(used, "cpu", began),
        speed=tuple(
            ((step["time"] - began) / 60, number(step.get("n_tokens")) / number(step["seconds"]))
            for step in steps
        ),
        gpu=_points(used, "gpu_bytes", began),
        limit=None if limit is None else number(limit),
        peak=number(measured.peak_memory(run)),
    )


def resources_chart(used: Resources) -> bytes:
    """Draw memory, cores and speed by time, one above the other; returns SVG."""
    figure, first = blank(5.8, 4.6)
    first.remove()
    lines = [("memory (GiB)", _thinned(_gib(used.memory), max)), ("cores", _thinned(used.cores))]
    lines += [("tokens/s", _thinned(used.speed))] if used.speed else []
    places: Any = figure.subplots(len(lines), 1, sharex=True)
    for axes, (label, points) in zip(places, lines, strict=True):
        styled(axes)
        axes.plot(*zip(*points, strict=True), color=BLUE, linewidth=1.6)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
    if used.gpu:
        style: dict[str, Any] = {"color": BLUE, "linestyle": ":", "linewidth": 1.6}
        places[0].plot(*zip(*_thinned(_gib(used.gpu), max), strict=True), **style)
        _name(places[0], _gib(used.gpu)[-1], "GPU")
    if used.limit:
        _limit(places[0], used.limit / words.GIB)
    places[-1].set_xlabel("minutes")
    figure.align_ylabels(places)
    return saved(figure, "svg")


def _limit(axes: "Axes", limit: float) -> None:
    """Draw the memory limit where it is near, or say how far above the picture it lies."""
    top = axes.get_ylim()[1]
    if limit <= 4 * top:
        axes.axhline(limit, color=RED, linestyle="--", linewidth=1.4)
        axes.set_ylim(0, 1.15 * limit)
        _name(axes, (axes.get_xlim()[1], limit), "limit")
    else:
        _name(axes, (axes.get_xlim()[1], top), f"limit: {limit:.0f} GiB, above")


def _name(axes: "Axes", place: Point, text: str) -> None:
    axes.text(*place, text, color=GREY, fontsize=9, ha="right", va="bottom")


def _gib(points: Sequence[Point]) -> tuple[Point, ...]:
    return tuple((at, value / words.GIB) for at, value in points)


def _points(events: Sequence[Event], key: str, began: float) -> tuple[Point, ...]:
    return tuple(
        ((event["time"] - began) / 60, number(event[key])) for event in events if key in event
    )


def _thinned(
    points: Sequence[Point], of: Callable[[Iterable[float]], float] = fmean
) -> list[Point]:
    """Return at most `MOST_POINTS` points, each `of` its neighbours: their mean, or `max`."""
    width = -(-len(points) // MOST_POINTS) or 1
    groups = [points[at : at + width] for at in range(0, len(points), width)]
    return [(group[0][0], of([value for _, value in group])) for group in groups]
