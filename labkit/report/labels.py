"""Classification in a report: each label, changed answers, confusion, calibration."""

from typing import Any

from . import words
from .answers import judged
from .blocks import Block, Picture, Table
from .scores import Models, judged_model, models_of

CHANGED = 5
"""Changed answers that are shown."""


def per_label(metrics: dict[str, Any]) -> list[Block]:
    """Return precision, recall and F1 of each label, with the other models' F1 beside."""
    name, tuned = judged_model(metrics)
    found = _labels(tuned)
    if not found:
        return []
    others = {who: _labels(of) for who, of in models_of(metrics).items() if who != name}
    rows = tuple(
        (label, words.count(of.get("support")),
         *(_two(other.get(label, {}).get("f1")) for other in others.values()),
         *(_two(of.get(key)) for key in ("f1", "precision", "recall")))
        for label, of in found.items()
    )  # fmt: skip
    header = ("label", "rows", *(f"F1 {who}" for who in others))
    header += (f"F1 {name}", f"precision {name}", f"recall {name}")
    return [Table("Each label", header, rows)]


def changed(metrics: dict[str, Any]) -> list[Block]:
    """Return rows that base and tuned answer differently, those that got worse among them."""
    comparison = metrics.get("comparison") or {}
    better, worse = comparison.get("corrections", []), comparison.get("regressions", [])
    shown = [*better[: CHANGED - min(2, len(worse))], *worse][:CHANGED]
    if not shown:
        return []
    prompts = words.apart([change["text"] for change in shown])
    rows = tuple(
        (prompt, words.head(change["gold"]), *(_mark(change, who) for who in ("base", "tuned")))
        for prompt, change in zip(prompts, shown, strict=True)
    )
    paired = comparison.get("paired", {})
    gained, lost = (words.count(paired.get(key)) for key in ("gained", "lost"))
    note = f"In all, {gained} answers became right and {lost} became wrong."
    header = ("prompt", "right answer", "base", "tuned")
    return [Table(f"{len(shown)} changed answers", header, rows, numeric=False, note=note)]


def pictures(metrics: dict[str, Any]) -> list[Block]:
    """Return confusion, bars of F1 and calibration, where labels are few enough to read."""
    from .charts import MOST_LABELS

    name, tuned = judged_model(metrics)
    if not 0 < len(_labels(tuned)) <= MOST_LABELS:
        return []
    labels = list(metrics.get("labels") or _labels(tuned))
    return [
        *_confusion(name, tuned, labels),
        *_bars(models_of(metrics), labels),
        *_reliability(models_of(metrics)),
    ]


def confusion_sentence(labels: list[str], counts: list[list[int]]) -> str:
    """Return the confusion picture in words: right answers, and the most frequent mix-ups."""
    total, right = sum(map(sum, counts)), sum(row[at] for at, row in enumerate(counts))
    wrong = [
        (value, labels[row], labels[column])
        for row, of_row in enumerate(counts)
        for column, value in enumerate(of_row)
        if row != column and value
    ]
    most = sorted(wrong, key=lambda item: -item[0])[:3]
    mixed = ", ".join(f"{gold} taken for {answer} ({value})" for value, gold, answer in most)
    return f"{right} of {total} answers are right." + (
        f" Most often mixed up: {mixed}." if mixed else ""
    )


def _confusion(name: str, of: dict[str, Any], labels: list[str]) -> list[Block]:
    from .charts import confusion

    counts = of.get("confusion")
    if not counts:
        return []
    alt, axis = confusion_sentence(labels, counts), f"answer of {_called(name)}"
    return [Picture("Answers by label", alt, lambda: confusion(labels, counts, axis))]


def _bars(models: Models, labels: list[str]) -> list[Block]:
    from .charts import f1_bars

    (first, before), (last, after) = next(iter(models.items())), list(models.items())[-1]
    f1 = {first: _f1(before), last: _f1(after)}
    alt = f"F1 of each label, {' → '.join(f1)}: " + ", ".join(
        f"{label} " + " → ".join(f"{of.get(label, 0.0):.2f}" for of in f1.values())
        for label in labels
    )
    return [Picture("F1 of each label", alt + ".", lambda: f1_bars(labels, f1))]


def _reliability(models: Models) -> list[Block]:
    from .calibration import bins_of, diagram, reliability_sentence

    name, of = list(models.items())[-1]
    bins = bins_of(of)
    if not bins:
        return []
    alt = reliability_sentence(bins, of.get("ece"))
    title = f"How sure {_called(name)} is, and how often it is right"
    return [Picture(title, alt, lambda: diagram(bins))]


def _called(name: str) -> str:
    return "the tuned model" if name == "tuned" else name


def _f1(of: dict[str, Any]) -> dict[str, float]:
    return {label: float(found.get("f1", 0.0)) for label, found in _labels(of).items()}


def _labels(of: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(of.get("per_label") or {})


def _two(value: Any) -> str:  # noqa: ANN401 - JSON value
    return "–" if value is None else f"{words.number(value):.2f}"


def _mark(change: dict[str, Any], who: str) -> str:
    return judged(change[who], change["gold"])
