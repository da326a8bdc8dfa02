"""The results of a fine-tuning run as blocks: base beside tuned, labels, changed answers."""

from typing import Any

from ..run import Run
from . import words
from .blocks import Block, Picture, Table

CHANGED = 5
"""Changed answers that are shown."""


def results(run: Run) -> list[Block]:
    """Return the comparison on the held-out rows; nothing before it was measured."""
    metrics = run.metrics
    if "tuned" not in metrics:
        return []
    return [
        comparison(metrics),
        *per_label(metrics),
        *changed(metrics),
        *generated(metrics),
    ]


def comparison(metrics: dict[str, Any]) -> Table:
    """Return the table of each measure, base beside tuned, with n and interval."""
    base, tuned = metrics.get("base", {}), metrics["tuned"]
    rows = [_measure(key, base, tuned) for key in _MEASURES if key in tuned]
    n, split = tuned.get("n", metrics.get("n")), metrics.get("split", "held-out")
    title = f"Results on {words.count(n)} {split} rows, which were not trained on"
    note = _difference(metrics.get("comparison") or {})
    return Table(title, ("", "base", "tuned"), tuple(rows), note=note)


def headline(metrics: dict[str, Any]) -> str:
    """Return the result in one sentence."""
    if "tuned" not in metrics:
        return "No results have been measured."
    key = next((key for key in _MEASURES if key in metrics["tuned"]), "accuracy")
    base = _cell(key, metrics.get("base", {}))
    tuned = _cell(key, metrics["tuned"])
    n = metrics["tuned"].get("n", metrics.get("n"))
    return f"{words.name(key).capitalize()} {base} → {tuned} on {words.count(n)} held-out rows."


def per_label(metrics: dict[str, Any]) -> list[Block]:
    """Return precision, recall and F1 of each label, with the base model's F1 beside."""
    base, tuned = _labels(metrics, "base"), _labels(metrics, "tuned")
    if not tuned:
        return []
    rows = tuple(
        (label, words.count(of.get("n")), _two(base.get(label, {}).get("f1")),
         *(_two(of.get(key)) for key in ("f1", "precision", "recall")))
        for label, of in tuned.items()
    )  # fmt: skip
    header = ("label", "rows", "F1 base", "F1 tuned", "precision tuned", "recall tuned")
    return [Table("Each label", header, rows)]


def changed(metrics: dict[str, Any]) -> list[Block]:
    """Return answers that differ between base and tuned, those that got worse among them."""
    entries = (metrics.get("comparison") or {}).get("changed") or []
    if not entries:
        return []
    better = [entry for entry in entries if _is(entry, "tuned")]
    worse = [entry for entry in entries if _is(entry, "base")]
    shown = (better[: CHANGED - min(2, len(worse))] + worse)[:CHANGED] or entries[:CHANGED]
    prompts = words.apart([entry["prompt"] for entry in shown])
    rows = tuple(
        (prompt, words.head(entry["gold"]), _mark(entry, "base"), _mark(entry, "tuned"))
        for entry, prompt in zip(shown, prompts, strict=True)
    )
    title = f"{len(shown)} of {len(entries)} changed answers"
    note = f"{len(better)} became right, {len(worse)} became wrong."
    header = ("prompt", "right answer", "base", "tuned")
    return [Table(title, header, rows, numeric=False, note=note)]


def generated(metrics: dict[str, Any]) -> list[Block]:
    """Return generated answers of base and tuned for the same prompts."""
    tuned = metrics["tuned"].get("samples") or []
    base = metrics.get("base", {}).get("samples") or [{}] * len(tuned)
    if not tuned:
        return []
    prompts = words.apart([after.get("prompt", "") for after in tuned])
    rows = tuple(
        (prompt, words.head(after.get("expected", "")), *(_answer(of) for of in (before, after)))
        for prompt, before, after in zip(prompts, base, tuned, strict=False)
    )[:CHANGED]
    header = ("prompt", "expected", "base", "tuned")
    return [Table("Generated answers", header, rows, numeric=False)]


def pictures(run: Run) -> list[Block]:
    """Return the confusion picture and the bars of F1, where labels are few enough to read."""
    from .charts import MOST_LABELS, confusion, f1_bars

    metrics = run.metrics
    tuned, base = _labels(metrics, "tuned"), _labels(metrics, "base")
    if not tuned or len(tuned) > MOST_LABELS:
        return []
    found: list[Block] = []
    counts, names = metrics["tuned"].get("confusion"), list(metrics.get("labels") or tuned)
    if counts:
        alt = confusion_sentence(names, counts)
        found.append(Picture("Answers by label", alt, lambda: confusion(names, counts)))
    f1 = [{label: of.get("f1", 0.0) for label, of in part.items()} for part in (base, tuned)]
    alt = "F1 of each label, base → tuned: " + ", ".join(
        f"{label} {f1[0].get(label, 0.0):.2f} → {f1[1][label]:.2f}" for label in names
    )
    found.append(Picture("F1 of each label", alt + ".", lambda: f1_bars(names, *f1)))
    return found


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


_MEASURES = ("accuracy", "exact_match", "macro_f1", "eval_loss", "perplexity")


def _measure(key: str, base: dict[str, Any], tuned: dict[str, Any]) -> tuple[str, str, str]:
    label = words.name(key)
    if key == _bounded(tuned):
        label += " [95 % interval]"
    return label, _cell(key, base), _cell(key, tuned)


def _cell(key: str, of: dict[str, Any]) -> str:
    if of.get(key) is None:
        return "–"
    if key in ("accuracy", "exact_match"):
        bounds = words.interval(of.get("interval")) if key == _bounded(of) else ""
        return f"{words.percent(of[key])} {bounds}".strip()
    return f"{words.number(of[key]):.{2 if key == 'perplexity' else 3}f}"


def _bounded(of: dict[str, Any]) -> str:
    """Return the measure that the recorded interval belongs to."""
    return next(
        (key for key in ("accuracy", "exact_match") if key in of and of.get("interval")), ""
    )


def _difference(found: dict[str, Any]) -> str:
    if found.get("difference") is None:
        return ""
    points = 100 * words.number(found["difference"])
    bounds = words.interval(found.get("interval"))
    p = words.number(found.get("p_value"))
    said = f"Difference on the same rows: {points:+.1f} points"
    said += f" {bounds} (95 % interval)" if bounds else ""
    chance = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return said + (f", {chance}." if p == p else ".")


def _labels(metrics: dict[str, Any], who: str) -> dict[str, dict[str, Any]]:
    return dict((metrics.get(who) or {}).get("per_label") or {})


def _two(value: Any) -> str:  # noqa: ANN401 - JSON value
    return "–" if value is None else f"{words.number(value):.2f}"


def _answer(of: dict[str, Any]) -> str:
    return words.head(of.get("answer", "–"), 160)


def _is(entry: dict[str, Any], who: str) -> bool:
    return str(entry[who]).strip() == str(entry["gold"]).strip()


def _mark(entry: dict[str, Any], who: str) -> str:
    return ("✓ right: " if _is(entry, who) else "✗ wrong: ") + words.head(entry[who])
