"""The reliability diagram: how sure a model was of its answers, and how often they were right."""

from dataclasses import dataclass
from typing import Any

from . import words
from .drawing import BLUE, GREY, RED, blank, legend, saved

BINS = 10
"""Parts of equal width that confidences from 0 to 1 are put into."""


@dataclass(frozen=True)
class Bin:
    """Answers whose probability lies in one part."""

    n: int
    """Answers in it."""

    confidence: float
    """Their mean probability, 0 to 1."""

    accuracy: float
    """Share of them that is right, 0 to 1."""


def bins_of(of: dict[str, Any]) -> list[Bin]:
    """Return the parts that hold answers, least sure first; none where nothing was recorded."""
    parts: dict[int, list[tuple[float, bool]]] = {}
    rows = zip(
        of.get("gold", ()), of.get("predictions", ()), of.get("probabilities", ()), strict=False
    )
    for gold, answer, chances in rows:
        sure = max(words.number(chance) for chance in chances)
        part = min(int(sure * BINS), BINS - 1)
        parts.setdefault(part, []).append((sure, gold == answer))
    return [_bin(parts[part]) for part in sorted(parts)]


def reliability_sentence(bins: list[Bin], ece: object = None) -> str:
    """Return the picture in words: where sureness and rightness are furthest apart."""
    n = sum(part.n for part in bins)
    sure = sum(part.n * part.confidence for part in bins) / n
    right = sum(part.n * part.accuracy for part in bins) / n
    error = "" if ece is None else f" The calibration error (ECE) is {words.number(ece):.3f}."
    said = "surer than right" if sure > right else "less sure than right"
    return (
        f"Over {words.count(n)} answers the mean probability is {words.percent(sure)} and "
        f"{words.percent(right)} are right: the model is {said}.{error}"
    )


def reliability(bins: list[Bin]) -> bytes:
    """Draw the share of right answers by probability; on the line both agree; SVG."""
    figure, axes = blank(3.8, 3.6)
    line: dict[str, Any] = {"color": GREY, "linestyle": "--", "linewidth": 1.2}
    axes.plot([0, 1], [0, 1], label="sure as often as right", **line)
    for part in bins:
        gap: dict[str, Any] = {"color": RED, "linewidth": 1.4, "alpha": 0.7}
        axes.plot([part.confidence] * 2, [part.confidence, part.accuracy], **gap)
    most = max(part.n for part in bins)
    axes.scatter(
        [part.confidence for part in bins],
        [part.accuracy for part in bins],
        s=[40 + 160 * part.n / most for part in bins],
        color=BLUE,
        label="answers (area: how many)",
        zorder=3,
    )
    axes.set(xlim=(0, 1.03), ylim=(-0.03, 1.03))
    axes.set_xlabel("probability of the answer")
    axes.set_ylabel("share that is right")
    legend(figure)
    return saved(figure, "svg")


def _bin(rows: list[tuple[float, bool]]) -> Bin:
    n = len(rows)
    return Bin(n, sum(sure for sure, _ in rows) / n, sum(right for _, right in rows) / n)
