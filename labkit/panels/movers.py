"""What stands beside a text and moves it: a slider, or a list of names to take."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from .pieces import labelled


@dataclass(frozen=True)
class Scale:
    """Where a slider runs: from `low` to `high`, in equal steps, or in equal ratios."""

    low: float
    high: float
    is_log: bool = False
    step: float = 1.0
    """Between two places; of a logarithmic scale the step of the exponent."""

    base: float = 10.0
    """Of the exponent of a logarithmic scale."""


def mover(name: str, text: str, scale: Scale | None, choices: Sequence[str]) -> Any:  # noqa: ANN401
    """Return a slider, a list, or None where there is neither.

    Args:
        name: Of the setting.
        text: What the setting means.
        scale: Of a slider.
        choices: Of a list.
    """
    from ipywidgets import Dropdown, FloatLogSlider, FloatSlider

    if choices:
        options = [("take one of the catalogue …", None), *((one, one) for one in choices)]
        found = labelled(Dropdown, f"list for {name}", text, options=options)
    elif scale is None:
        return None
    elif scale.is_log:
        low, high = (log(end, scale.base) for end in (scale.low, scale.high))
        own = {"base": scale.base, "min": round(low, 9), "max": round(high, 9)}
        own |= {"value": scale.low, "step": scale.step, "readout": False}
        found = labelled(FloatLogSlider, f"slider for {name}", text, **own)
    else:
        own = {"min": scale.low, "max": scale.high, "step": scale.step, "readout": False}
        found = labelled(FloatSlider, f"slider for {name}", text, **own)
    found.add_class("labkit-mover")
    return found


def taken(found: Any, new: Any, text: str) -> str | float | None:  # noqa: ANN401 - a widget's
    """Return the value that a person has moved a text to; None where nobody has.

    A page puts a slider on its nearest place by itself, which must not change the text.
    """
    if hasattr(found, "options"):
        return str(new) if new is not None else None
    now = _number(text)
    if now is not None and abs(_place(found, new) - _place(found, now)) <= 0.501 * found.step:
        return None
    return float(round(new)) if getattr(found, "base", 0) == 2 else float(f"{new:.2g}")


def _place(found: Any, value: float) -> float:  # noqa: ANN401 - a widget
    """Return where on a slider a value is, within its ends."""
    if hasattr(found, "base"):
        value = log(max(value, found.base**found.min), found.base)
    return float(min(max(value, found.min), found.max))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def moved_to(found: Any, text: str) -> None:  # noqa: ANN401 - a widget
    """Put a slider or a list where a text is, as far as it reaches."""
    if hasattr(found, "options"):
        found.value = text if text in [value for _, value in found.options] else None
        return
    value = _number(text)
    if value is not None:
        place = _place(found, value)
        found.value = found.base**place if hasattr(found, "base") else place
