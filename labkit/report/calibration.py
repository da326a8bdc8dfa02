"""The reliability diagram: how sure a model was of its answers, and how often they were right."""

from typing import TYPE_CHECKING, Any

from . import words
from .drawing import BLUE, GREY, RED, blank, legend, saved

if TYPE_CHECKING:
    from ..evaluation.calibration import Bin


def bins_of(of: dict[str, Any]) -> "list[Bin]":
    """Return the parts that hold answers, least sure first; none where nothing was recorded."""
    import numpy as np

    from ..evaluation.calibration import bin_counts, reliability

    if not of.get("probabilities"):
        return []
    sure = [max(map(words.number, chances)) for chances in of["probabilities"]]
    pairs = zip(of["gold"], of["predictions"], strict=True)
    right = np.array([gold == answer for gold, answer in pairs])
    return [part for part in reliability(bin_counts(sure, right)) if part.n]


def reliability_sentence(bins: "list[Bin]", ece: object = None) -> str:
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


def diagram(bins: "list[Bin]") -> bytes:
    """Draw the share of right answers by probability; on the line both agree; SVG."""
    figure, axes = blank(4.6, 3.6)
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
