"""Metrics by name: what they are called, and how values and intervals are written."""

import math
from dataclasses import dataclass
from typing import Any

from . import words

TITLES = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "ece": "calibration error (ECE)",
    "bleu": "BLEU (0 to 100)",
    "chrf": "chrF (0 to 100)",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "valid_json": "valid JSON",
    "field_f1": "field F1",
    "entity_f1": "entity F1",
    "length_ratio": "length ÷ reference (best: 1)",
}
"""Metrics whose name reads better in other words; `words.name` writes the rest."""

SHARES = ("accuracy", "exact_match", "valid_json", "retrieval_accuracy")
"""Metrics written as per cent, because they count rows."""

DECIMALS = {"bleu": 1, "chrf": 1, "perplexity": 2, "length_ratio": 2}
"""Decimals of a value, where they are not three."""

LOSSES = ("eval_loss", "loss", "perplexity")
PLAIN = ("accuracy", "exact_match", "macro_f1", *LOSSES)
"""Measures that an evaluation holds as plain numbers, in the order of the report."""


@dataclass(frozen=True)
class Figure:
    """One metric of one model."""

    value: Any
    """The number."""

    interval: Any = None
    """Its 95 % interval, where there is one."""

    n: int | None = None
    """Rows it was measured on."""

    higher_is_better: bool = True
    """Whether a larger value is a better one."""

    about: str = ""
    """What exactly was counted, as a reference tool's signature."""


def figures(of: dict[str, Any]) -> dict[str, Figure]:
    """Return the metrics of one model by name, as far as its record holds any."""
    found = {name: Figure(**_known(values)) for name, values in of.get("metrics", {}).items()}
    bounded = next((key for key in ("accuracy", "exact_match") if key in of), "")
    for key in LOSSES if found else PLAIN:
        if of.get(key) is not None and key not in found:
            found[key] = Figure(of[key], of.get("interval") if key == bounded else None)
    return found


def title(name: str) -> str:
    """Return what a metric is called."""
    return TITLES.get(name) or words.name(name)


def value(name: str, number: Any) -> str:  # noqa: ANN401 - JSON value
    """Return a metric's value with the digits that fit it."""
    if number is None:
        return "–"
    if name in SHARES:
        return words.percent(number)
    return _decimal(name, words.number(number))


def bounds(name: str, pair: Any) -> str:  # noqa: ANN401 - JSON value
    """Return the 95 % interval of a metric's value, or nothing where there is none."""
    if name in SHARES:
        return words.interval(pair)
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return ""
    low, high = (_decimal(name, words.number(bound)) for bound in pair)
    return f"[{low}, {high}]"


def cell(name: str, figure: Figure | None) -> str:
    """Return a value with its interval, or a dash where the model was not measured so."""
    if figure is None:
        return "–"
    return f"{value(name, figure.value)} {bounds(name, figure.interval)}".strip()


def _decimal(name: str, number: float) -> str:
    if not math.isfinite(number):
        return str(number)
    return f"{number:.{DECIMALS.get(name, 3 if abs(number) < 100 else 1)}f}"


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: values[key] for key in Figure.__dataclass_fields__ if key in values}
