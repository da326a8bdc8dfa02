"""Pictures of a run, readable on light and dark and without telling colours apart."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import words
from .drawing import BLUE, GREY, RED, blank, legend, saved
from .measured import Curve, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 150
"""Training losses drawn; more are averaged in groups, so that a notebook stays small."""

MOST_LABELS = 24
"""Labels beyond which a picture's words would be too small to read."""


def loss_curve(curve: Curve) -> bytes:
    """Draw the losses by step; returns SVG."""
    figure, axes = blank(5.8, 2.9)
    raw = _thinned(curve.train)
    if raw:
        axes.plot(*zip(*raw, strict=True), color=BLUE, alpha=0.5, linewidth=1, label="training")
        smooth = _smoothed(raw)
        axes.plot(*zip(*smooth, strict=True), color=BLUE, linewidth=2, label="training, smoothed")
    if curve.validation:
        style: dict[str, Any] = {"color": RED, "linestyle": "--", "marker": "o", "markersize": 5}
        axes.plot(*zip(*curve.validation, strict=True), label="validation", **style)
    if curve.best:
        star: dict[str, Any] = {"marker": "*", "markersize": 15, "linestyle": "none"}
        label = f"best validation: {curve.best[1]:.3f}"
        axes.plot(*curve.best, color=RED, markeredgecolor=GREY, label=label, **star)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel(f"loss ({curve.unit})")
    axes.locator_params(axis="x", integer=True)
    if axes.get_legend_handles_labels()[1]:
        legend(figure)
    return saved(figure, "svg")


def losses_by_rows(points: Sequence[tuple[int, float]], unit: str) -> bytes:
    """Draw the validation loss that parts of the rows reach; returns SVG.

    Args:
        points: Rows and loss, ever more rows.
        unit: What the loss is.
    """
    figure, axes = blank(5.8, 2.8)
    rows, losses = zip(*points, strict=True)
    axes.plot(rows, losses, color=BLUE, marker="o", linewidth=2)
    for n, loss in points:
        axes.annotate(f"{loss:.3f}", (n, loss), (0, 7), textcoords="offset points", ha="center",
                      color=GREY, fontsize=9)  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows, [f"{n:,}" for n in rows])
    axes.minorticks_off()
    axes.margins(x=0.08, y=0.25)
    axes.set_xlabel("training rows")
    axes.set_ylabel(f"validation loss ({unit})", fontsize=9)
    return saved(figure, "svg")


def confusion(
    labels: Sequence[str],
    counts: Sequence[Sequence[int]],
    answers: str = "answer of the tuned model",
) -> bytes:
    """Draw how often each right label (rows) got each answer (columns); SVG, PNG if large."""
    n = len(labels)
    side = max(3.2, 1.4 + (0.45 if n <= 8 else 0.32) * n)
    figure, axes = blank(side + 0.6, side)
    shares = [[value / max(1, sum(of_row)) for value in of_row] for of_row in counts]
    axes.imshow([[_fill(share) for share in of_row] for of_row in shares], interpolation="nearest")
    edges = [at - 0.5 for at in range(n + 1)]
    axes.hlines(edges, -0.5, n - 0.5, color=GREY, linewidth=0.4)
    axes.vlines(edges, -0.5, n - 0.5, color=GREY, linewidth=0.4)
    for row, of_row in enumerate(counts):
        _right_answer(axes, row)
        for column, value in enumerate(of_row):
            _count(axes, (column, row), value)
    names = [_label(label) for label in labels]
    axes.set_xticks(range(n), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n), names)
    axes.set_xlabel(answers)
    axes.set_ylabel("right answer")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return saved(figure, "svg" if n <= 8 else "png")


def f1_bars(labels: Sequence[str], models: Mapping[str, Mapping[str, float]]) -> bytes:
    """Draw F1 (0 to 1) of each label for one model or two; SVG, PNG if many."""
    n = len(labels)
    figure, axes = blank(5.0, 1.1 + 0.45 * n)
    looks: list[tuple[float, dict[str, Any]]]
    looks = [(-0.2, {"fill": False, "edgecolor": RED, "hatch": "////"}), (0.2, {"color": BLUE})]
    for (name, f1), (shift, style) in zip(models.items(), looks[-len(models) :], strict=True):
        values = [f1.get(label, 0.0) for label in labels]
        places = [index + shift for index in range(n)]
        axes.barh(places, values, height=0.36, label=name, **style)
        for place, value in zip(places, values, strict=True):
            axes.text(value + 0.01, place, f"{value:.2f}", va="center", color=GREY, fontsize=9)
    axes.set_yticks(range(n), [_label(label) for label in labels])
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_xlim(0, 1.12)
    axes.set_xlabel("F1 (0 to 1)")
    axes.grid(visible=False, axis="y")
    legend(figure)
    return saved(figure, "svg" if n <= 8 else "png")


def _label(label: str) -> str:
    """Return a label short enough for an axis, its dollar signs no formula."""
    return words.head(label, 24).replace("$", r"\$")


def _right_answer(axes: "Axes", row: int) -> None:
    """Draw the frame of the cell that counts the right answers of a row."""
    from matplotlib.patches import Rectangle

    at = row - 0.46
    axes.add_patch(Rectangle((at, at), 0.92, 0.92, fill=False, edgecolor=GREY, linewidth=2))


def _count(axes: "Axes", place: tuple[int, int], value: int) -> None:
    if value:
        axes.text(*place, str(value), ha="center", va="center", fontsize=10, color="#111111")


def _fill(share: float) -> tuple[float, float, float, float]:
    """Return a cell's red, green, blue and opacity; black words are readable on all of them."""
    light, full = (0.89, 0.93, 0.97), (0.46, 0.65, 0.86)
    red, green, blue = (low + (high - low) * share for low, high in zip(light, full, strict=True))
    return red, green, blue, 1.0 if share else 0.0


def _thinned(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return at most `MOST_POINTS` points: means of neighbours."""
    width = -(-len(points) // MOST_POINTS)
    groups = [points[at : at + width] for at in range(0, len(points), width or 1)]
    return [
        (sum(step for step, _ in group) / len(group), sum(loss for _, loss in group) / len(group))
        for group in groups
    ]


def _smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return means over neighbours on both sides, so that the line does not lag behind."""
    n, widest = len(points), len(points) // 30 + 1
    reach = [min(widest, at, n - 1 - at) for at in range(n)]
    groups = [points[at - beside : at + beside + 1] for at, beside in enumerate(reach)]
    means = [sum(loss for _, loss in group) / len(group) for group in groups]
    return [(step, mean) for (step, _), mean in zip(points, means, strict=True)]
