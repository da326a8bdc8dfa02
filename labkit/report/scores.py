"""The table of measures, models side by side, and what the difference between two is worth."""

from typing import Any

from . import words
from .blocks import Block, Lines, Table
from .figures import Figure, cell, figures, title

Models = dict[str, dict[str, Any]]
"""Each model's evaluation by the model's name; the tuned one is last."""


def models_of(metrics: dict[str, Any]) -> Models:
    """Return the evaluations of a fine-tuning or of a measurement, the judged model last."""
    if "models" in metrics:
        judged = str(metrics.get("run"))
        found = dict(metrics["models"])
        return {name: found[name] for name in sorted(found, key=lambda name: name == judged)}
    return {who: metrics[who] for who in ("base", "tuned") if metrics.get(who)}


def judged_model(metrics: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and the evaluation of the model that was tuned."""
    return list(models_of(metrics).items())[-1]


def has_results(metrics: dict[str, Any]) -> bool:
    """Tell whether a tuned model was measured."""
    return "tuned" in metrics or bool(metrics.get("models"))


def scores(metrics: dict[str, Any]) -> Table:
    """Return the table of each measure, model beside model, with n and interval."""
    models = models_of(metrics)
    columns = {**models, **metrics.get("baselines", {})}
    found = {name: figures(of) for name, of in columns.items()}
    own = found[judged_model(metrics)[0]]
    wanted = list(dict.fromkeys([*own, *(key for of in found.values() for key in of)]))
    n = judged_model(metrics)[1].get("n", metrics.get("n"))
    rows = tuple(
        (_label(key, [of.get(key) for of in found.values()], n),
         *(cell(key, of.get(key)) for of in found.values()))
        for key in wanted
    )  # fmt: skip
    said = ["↓: lower is better."] if any("↓" in row[0] for row in rows) else []
    note = " ".join([*differences(metrics), *said])
    return Table(_title(metrics, n), ("", *columns), rows, note=note)


def headline(metrics: dict[str, Any]) -> str:
    """Return the result in one sentence."""
    if not has_results(metrics):
        return "No results have been measured."
    name, of = judged_model(metrics)
    found = figures(of)
    key = next(iter(found), "accuracy")
    first = next(iter(models_of(metrics)))
    before = figures(models_of(metrics)[first]).get(key) if first != name else None
    n = words.count(of.get("n", metrics.get("n")))
    change = f"{cell(key, before)} → " if before else ""
    said = title(key)
    return f"{said[:1].upper()}{said[1:]} {change}{cell(key, found.get(key))} on {n} held-out rows."


def differences(metrics: dict[str, Any]) -> list[str]:
    """Return a sentence for each comparison of two models on the same rows."""
    every = [("", metrics.get("comparison") or {})]
    every += [(other, found) for other, found in metrics.get("comparisons", {}).items()]
    for name, others in metrics.get("own", {}).items():
        every += [(other, {"metric": name, **found}) for other, found in others.items()]
    judged = judged_model(metrics)[0]
    said = [_difference(found, f"{judged} and {other}" * bool(other)) for other, found in every]
    return [text for text in said if text]


def signatures(metrics: dict[str, Any]) -> list[Block]:
    """Return what exactly each metric counted, folded away."""
    found = figures(judged_model(metrics)[1])
    said = tuple(f"{title(key)}: {of.about}" for key, of in found.items() if of.about)
    return [Lines("How each figure was counted", said)] if said else []


def _title(metrics: dict[str, Any], n: object) -> str:
    of = judged_model(metrics)[1]
    rows = f"{words.count(n)} {metrics.get('split', 'held-out')} rows"
    answered = of.get("n_answers")
    if answered and answered != n:
        rows += f" ({words.count(answered)} of them answered)"
    trained = ", which were not trained on" if not metrics.get("n_trained_on") else ""
    return f"Results on {rows}{trained}"


def _label(key: str, row: list[Figure | None], n: object) -> str:
    """Return a metric's name with what a reader needs to read its values."""
    known = [figure for figure in row if figure is not None]
    parts = ["95 % interval"] if any(figure.interval for figure in known) else []
    rows = {figure.n for figure in known if figure.n} - {n}
    parts += [f"n = {words.count(min(rows))}"] if rows else []
    is_lower = key != "length_ratio" and not all(figure.higher_is_better for figure in known)
    return title(key) + " ↓" * is_lower + (f" [{', '.join(parts)}]" if parts else "")


def _difference(found: dict[str, Any], who: str) -> str:
    """Return a paired comparison in words: its own sentence, else its numbers."""
    paired = found.get("paired") or found
    if paired.get("difference") is None:
        return ""
    p = words.number(paired.get("p_value"))
    chance = "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p == p else ""
    sentence = found.get("sentence") or paired.get("sentence")
    if sentence:
        by = f"by {title(found['metric'])}" if found.get("metric") else ""
        lead = f"{who}, {by}: " if who and by else f"{by[:1].upper()}{by[1:]}: " if by else ""
        return f"{lead}{str(sentence).removesuffix('.')}" + (f" ({chance})." if chance else ".")
    points = 100 * words.number(paired["difference"])
    bounds = words.interval(paired.get("interval"))
    said = f"Difference on the same rows: {points:+.1f} points"
    said += f" {bounds} (95 % interval)" if bounds else ""
    return said + (f", {chance}." if chance else ".")
