"""A few numbers beside each other, drawn."""

from collections.abc import Mapping

from .drawing import BLUE, GREY, RED, blank, saved


def bars(values: Mapping[str, float], unit: str) -> bytes:
    """Draw a bar for each value, its number beside it, those below 0 to the left; returns SVG.

    Args:
        values: What was measured, by its name.
        unit: What is counted.
    """
    figure, axes = blank(5.0, 0.9 + 0.4 * len(values))
    places = range(len(values))
    colours = [BLUE if value >= 0 else RED for value in values.values()]
    axes.barh(places, list(values.values()), height=0.6, color=colours)
    for place, value in zip(places, values.values(), strict=True):
        side = "left" if value >= 0 else "right"
        axes.text(value, place, f" {value:,.4g} ", va="center", ha=side, color=GREY, fontsize=9)
    axes.set_yticks(places, list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    lowest, highest = min([*values.values(), 0.0]), max([*values.values(), 1e-12])
    axes.set_xlim(1.25 * lowest, 1.25 * highest)
    axes.set_xlabel(unit)
    axes.grid(visible=False, axis="y")
    return saved(figure, "svg")
