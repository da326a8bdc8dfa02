"""Rows per second by the number of nodes, drawn."""

from collections.abc import Mapping, Sequence

from .drawing import BLUE, GREY, RED, blank, legend, saved


def scaling_chart(nodes: Sequence[int], lines: Mapping[str, Sequence[float]]) -> bytes:
    """Draw how much faster each step gets by the nodes, beside the ideal; returns SVG."""
    figure, axes = blank(5.8, 2.9)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.plot(nodes, nodes, color=GREY, linestyle="--", linewidth=1.2, label="no network")
    for (name, values), colour in zip(lines.items(), (BLUE, RED), strict=False):
        axes.plot(nodes, values, color=colour, linewidth=2, marker="o", label=name)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_xlabel("nodes")
    axes.set_ylabel("rows per second, one node = 1")
    legend(figure)
    return saved(figure, "svg")
