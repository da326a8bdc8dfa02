"""A few numbers beside each other, drawn."""

from collections.abc import Mapping

from .drawing import BLUE, GREY, blank, saved


def bars(values: Mapping[str, float], unit: str) -> bytes:
    """Draw a bar for each value, its number beside it; returns SVG.

    Args:
        values: What was measured, by its name.
        unit: What is counted.
    """
    figure, axes = blank(5.0, 0.9 + 0.4 * len(values))
    places = range(len(values))
    axes.barh(places, list(values.values()), height=0.6, color=BLUE)
    for place, value in zip(places, values.values(), strict=True):
        axes.text(value, place, f" {value:,.4g}", va="center", color=GREY, fontsize=9)
    axes.set_yticks(places, list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlim(0, 1.25 * max([*values.values(), 1e-12]))
    axes.set_xlabel(unit)
    axes.grid(visible=False, axis="y")
    return saved(figure, "svg")
