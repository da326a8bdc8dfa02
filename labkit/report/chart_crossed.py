"""What each adapter gained and forgot, drawn: a bar for each adapter and task."""

from collections.abc import Mapping

from .drawing import BLUE, GREY, RED, blank, saved


def changes_chart(changes: Mapping[str, Mapping[str, float]]) -> bytes:
    """Draw changes against the base as bars, to the right where better; returns SVG.

    Args:
        changes: By adapter, then by task, upwards better.
    """
    bars = [(f"{name} on {task}", by) for name, of in changes.items() for task, by in of.items()]
    figure, axes = blank(5.8, 0.6 + 0.28 * len(bars))
    names, values = [name for name, _ in bars], [by for _, by in bars]
    places = range(len(bars))
    axes.barh(places, values, color=[BLUE if by >= 0 else RED for by in values], height=0.7)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("change against the base (right: better)")
    return saved(figure, "svg")
