"""Pictures of a data set: its labels by split, the lengths of its rows and what is cut."""

from collections.abc import Mapping, Sequence
from typing import Any

from . import words
from .drawing import BLUE, GREY, RED, blank, legend, saved

MOST_LABELS = 24
"""Labels beyond which a picture's words would be too small to read."""

BINS = 24
"""Bars of a histogram."""

LOOKS: dict[str, dict[str, Any]] = {
    "train": {"color": BLUE},
    "validation": {"fill": False, "edgecolor": RED, "hatch": "////"},
    "test": {"fill": False, "edgecolor": GREY, "hatch": "...."},
}
"""How each split is drawn; told apart without colours too."""


def label_bars(counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """Draw each label's share of the rows (per cent), a bar for each split; returns SVG."""
    labels = list(next(iter(counts.values())))[:MOST_LABELS]
    n, height = len(labels), 0.8 / len(counts)
    figure, axes = blank(5.0, 1.2 + (0.16 + 0.16 * len(counts)) * n)
    bars = []
    for at, (split, of) in enumerate(counts.items()):
        rows = max(1, sum(of.values()))
        shares = [100 * of[label] / rows for label in labels]
        places = [index - 0.4 + (at + 0.5) * height for index in range(n)]
        name = f"{split} ({words.count(rows)} rows)"
        axes.barh(places, shares, height=0.9 * height, label=name, **LOOKS[split])
        bars.append((places, shares, [of[label] for label in labels]))
    most = max(share for _, shares, _ in bars for share in shares)
    for place, share, rows in (bar for parts in bars for bar in zip(*parts, strict=True)):
        axes.text(share + 0.015 * most, place, str(rows), va="center", color=GREY, fontsize=8)
    names = [words.head(label, 24).replace("$", r"\$") for label in labels]
    axes.set_yticks(range(n), names)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(0, 1.15 * most)
    axes.set_xlabel("share of the split's rows (%); beside it rows")
    axes.grid(visible=False, axis="y")
    legend(figure)
    return saved(figure, "svg")


def length_histogram(splits: Mapping[str, Sequence[int]], unit: str, cut: int | None) -> bytes:
    """Draw how many rows have which length, per split, and where they are cut; returns SVG.

    Args:
        splits: Split → length of each row.
        unit: What lengths are counted in.
        cut: Length from which rows are cut; None draws no line.
    """
    figure, axes = blank(5.4, 2.9)
    every = [length for part in splits.values() for length in part]
    edges = bin_edges(min(every), max(every))
    for split, part in splits.items():
        shares = [100 / len(part)] * len(part)
        look = {"color": BLUE, "alpha": 0.55} if split == "train" else _line(split)
        axes.hist(part, bins=edges, weights=shares, label=split, **look)
    if cut is not None and cut <= 1.6 * max(every):
        axes.axvline(cut, color=RED, linewidth=1.8, label=f"max_length {cut}")
    axes.set_xlim(0, None)
    axes.set_xlabel(f"length of prompt and completion ({unit})")
    axes.set_ylabel("rows of the split (%)")
    legend(figure)
    return saved(figure, "svg")


def bin_edges(low: int, high: int) -> list[float]:
    """Return the edges of at most `BINS` bars of one whole width that hold all lengths."""
    width = -(-(high - low + 1) // BINS)
    n = -(-(high - low + 1) // width)
    return [low - 0.5 + width * at for at in range(n + 1)]


def _line(split: str) -> dict[str, Any]:
    look = LOOKS[split]
    dashes = "--" if split == "validation" else ":"
    return {
        "histtype": "step", "color": look["edgecolor"], "linestyle": dashes, "linewidth": 1.6,
    }  # fmt: skip
