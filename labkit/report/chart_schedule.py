"""The learning rate at each step, drawn before a run and while it goes."""

from collections.abc import Sequence

from ..spec import FinetuneSpec
from ..training.schedule import batch_sentence, count_steps, cycles, learning_rates, warmup_steps
from .blocks import Picture
from .drawing import BLUE, GREY, blank, saved

AFTER = {
    "linear": "falls in a straight line",
    "cosine": "falls along a cosine",
    "constant": "stays",
    "constant_with_warmup": "stays",
}
"""What a learning rate does after warm-up."""


def schedule_picture(spec: FinetuneSpec, *, rows: int = 0, steps: int = 0) -> Picture:
    """Return the learning rate of a run that has so many training rows, or takes so many steps."""
    steps = steps or count_steps(rows, spec)
    rates = learning_rates(steps, spec)
    return Picture("Learning rate", schedule_sentence(steps, spec), lambda: schedule_curve(rates))


def schedule_sentence(steps: int, spec: FinetuneSpec) -> str:
    """Return what the picture of a schedule shows, in words and numbers."""
    rising, peak = warmup_steps(steps, spec), f"{spec.learning_rate:g}"
    last = f"{learning_rates(steps, spec)[-1]:.1e}"
    begin = f"starts at {peak}" if not rising else f"rises from 0 to {peak} in {_steps(rising)}"
    if spec.lr_scheduler_type == "cosine_with_restarts":
        after = f"falls {cycles(spec)} times along a cosine, from the peak each time"
    else:
        after = AFTER[spec.lr_scheduler_type]
    end = "there" if after == "stays" else f"to {last}"
    return (
        f"The learning rate {begin}, then {after} {end} until the last of {_steps(steps)}; "
        f"{batch_sentence(spec)}."
    )


def schedule_curve(rates: Sequence[float]) -> bytes:
    """Draw the learning rate by step; returns SVG."""
    figure, axes = blank(5.8, 1.9)
    steps = range(1, len(rates) + 1)
    style = "steps-mid" if len(rates) <= 30 else "default"
    axes.plot(steps, rates, color=BLUE, linewidth=2, drawstyle=style)
    axes.set_ylim(0, 1.08 * max(rates) or 1.0)
    axes.set_xlabel("step")
    axes.set_ylabel("learning rate")
    axes.locator_params(axis="x", integer=True)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    axes.yaxis.get_offset_text().set(color=GREY, fontsize=9)
    return saved(figure, "svg")


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
