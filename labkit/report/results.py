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
    answered = tuned.get("n_answers")
    split += f" rows ({words.count(answered)} of them answered)" if answered else " rows"
    title = f"Results on {words.count(n)} {split}, which were not trained on"
    note = _difference((metrics.get("comparison") or {}).get("paired") or {})
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
        (label, words.count(of.get("support")), _two(base.get(label, {}).get("f1")),
         *(_two(of.get(key)) for key in ("f1", "precision", "recall")))
        for label, of in tuned.items()
    )  # fmt: skip
    header = ("label", "rows", "F1 base", "F1 tuned", "precision tuned", "recall tuned")
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


def generated(metrics: dict[str, Any]) -> list[Block]:
    """Return answers that base and tuned wrote for the same rows."""
    base, tuned = metrics.get("base", {}), metrics["tuned"]
    answers = zip(
        tuned.get("references", ()), base.get("answers", ()), tuned.get("answers", ()), strict=False
    )
    rows = tuple(
        (words.head(wanted, 160), judged(before, wanted), judged(after, wanted))
        for wanted, before, after in answers
    )[:CHANGED]
    header = ("expected", "base", "tuned")
    return [Table("Generated answers", header, rows, numeric=False)] if rows else []


def judged(answer: object, expected: object) -> str:
    """Return an answer with its judgement in a sign and a word."""
    right = str(answer).strip() == str(expected).strip()
    return ("✓ right: " if right else "✗ wrong: ") + (words.head(answer, 160) or "(empty)")


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


_MEASURES = ("accuracy", "exact_match", "macro_f1", "eval_loss", "loss", "perplexity")


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


def _mark(change: dict[str, Any], who: str) -> str:
    return judged(change[who], change["gold"])
