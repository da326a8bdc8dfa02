"""What a run reached, in a few words."""

from typing import Any

from .figures import figures, title, value
from .rungs import metric_of
from .scores import has_results, models_of


def result(metrics: dict[str, Any]) -> str:
    """Return what a run reached, in a few words."""
    if has_results(metrics):
        found = [figures(of) for of in models_of(metrics).values()]
        key = next(iter(found[-1]))
        ends = [
            value(key, of[key].value) for of in (found[0], found[-1])[-len(found) :] if key in of
        ]
        return f"{title(key)} ".removeprefix("accuracy ") + " → ".join(ends)
    if metrics.get("chosen"):
        rung = metrics["rungs"][metrics["chosen"]]
        return f"{metrics['chosen']} {metric_of(rung).partition(' [')[0]}".removesuffix(" –")
    return "–"
