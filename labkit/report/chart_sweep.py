"""Pictures of a search: the best value so far, each trial from its settings to it, what matters."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..search import Trial
from ..spec.space import Choice, Dimension, Range
from . import words
from .drawing import BLUE, GREY, RED, blank, legend, saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 200
"""Trials drawn as lines; more would be one blot."""


def best_so_far(
    values: Mapping[int, float], best: Sequence[float], default: float | None, of: str
) -> bytes:
    """Draw what each trial reached, the best so far and the default; returns SVG.

    Args:
        values: What trials reached, by their number.
        best: The best value up to each of them, in the same order.
        default: What the default settings reached.
        of: What the values are.
    """
    figure, axes = blank(5.8, 2.6)
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5}
    axes.plot(list(values), list(values.values()), color=BLUE, label="trial", **dots)
    if values:
        axes.step(list(values), best, color=RED, linewidth=2, where="post", label="best so far")
    if default is not None:
        axes.axhline(default, color=GREY, linestyle="--", linewidth=1.6, label="default")
    axes.set_xlabel("trial")
    axes.set_ylabel(of)
    axes.locator_params(axis="x", integer=True)
    legend(figure)
    return saved(figure, "svg")


def parallel(
    space: Mapping[str, Dimension], trials: Sequence[Trial], best: int | None, of: str
) -> bytes:
    """Draw each trial as a line through its settings, to the value it reached; returns SVG.

    A trial that was given up is dashed and ends at its settings.
    """
    figure, axes = blank(max(5.8, 1.7 * (len(space) + 1)), 3.4)
    reached = [trial.value for trial in trials if trial.value is not None]
    low, high = (min(reached), max(reached)) if reached else (0.0, 1.0)
    drawn = [trial for trial in trials if trial.number is not None][-MOST_LINES:]
    for trial in sorted(drawn, key=lambda trial: trial.number == best):
        places = [_place(space[name], trial.drawn[name]) for name in space]
        if trial.value is not None:
            places.append((trial.value - low) / ((high - low) or 1))
        axes.plot(range(len(places)), places, **_look(trial, best))
    for at, (name, dimension) in enumerate(space.items()):
        _scale(axes, at, name, _marks(dimension))
    _scale(axes, len(space), of, [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")])
    axes.set_xlim(-0.3, len(space) + 0.45)
    axes.set_ylim(-0.06, 1.14)
    axes.axis("off")
    return saved(figure, "svg")


def importance_bars(shares: Mapping[str, float]) -> bytes:
    """Draw each setting's share (per cent); returns SVG."""
    names = [words.name(name) for name in shares]
    parts = [100 * share for share in shares.values()]
    figure, axes = blank(5.0, 0.9 + 0.4 * len(names))
    axes.barh(names, parts, height=0.6, color=BLUE)
    for at, part in enumerate(parts):
        axes.text(part + 1, at, f"{part:.0f} %", va="center", color=GREY)
    axes.set_xlim(0, 112)
    axes.invert_yaxis()
    axes.set_xlabel("share in what tells good trials from others (%)")
    axes.grid(visible=False, axis="y")
    return saved(figure, "svg")


def _look(trial: Trial, best: int | None) -> dict[str, Any]:
    if trial.number == best:
        return {"color": RED, "linewidth": 2.6, "marker": "*", "markersize": 11, "zorder": 3}
    if trial.value is None:
        return {"color": GREY, "linewidth": 0.9, "linestyle": "--", "alpha": 0.6}
    return {"color": BLUE, "linewidth": 1.3, "marker": ".", "alpha": 0.75}


def _place(dimension: Dimension, value: Any) -> float:  # noqa: ANN401 - any setting
    """Return where a value lies on its scale, 0 to 1; nowhere for one that was not taken."""
    if value is None:
        return math.nan
    if isinstance(dimension, Choice):
        known = [str(one) for one in dimension.values]
        return known.index(str(value)) / max(1, len(known) - 1)
    low, high, at = float(dimension.low), float(dimension.high), float(value)
    if dimension.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return (at - low) / (high - low)


def _marks(dimension: Dimension) -> list[tuple[float, str]]:
    """Return the values named on a scale, each with its place."""
    values = dimension.values if isinstance(dimension, Choice) else dimension.ends
    if isinstance(dimension, Range) and dimension.log:
        first, last = (math.log10(float(end)) for end in dimension.ends)
        decades = [10.0**power for power in range(math.ceil(first), math.floor(last) + 1)]
        values = tuple(sorted({*dimension.ends, *decades}))
    return [(_place(dimension, value), _said(value)) for value in values]


def _said(value: Any) -> str:  # noqa: ANN401 - any setting
    return f"{value:.3g}" if isinstance(value, float) else words.head(value, 16)


def _scale(axes: "Axes", at: int, name: str, marks: Sequence[tuple[float, str]]) -> None:
    """Draw one upright scale: its name above, values beside it."""
    axes.plot([at, at], [0, 1], color=GREY, linewidth=1)
    axes.text(at, 1.08, words.name(name), ha="center", color=GREY, fontsize=10)
    for place, said in marks:
        axes.text(at + 0.03, place + 0.01, said.replace("$", r"\$"), color=GREY, fontsize=8)
