"""The measurements of a run in one table: when, on what, against whom, how good."""

from ..run import Run
from . import words
from .blocks import Block, Table
from .figures import cell, figures, title
from .scores import has_results, judged_model, models_of


def evaluations(run: Run) -> list[Block]:
    """Return the measurements that lie in the run's folder, oldest first."""
    found = [Run(file.parent) for file in run.path.glob("evaluations/*/spec.yaml")]
    done = [one for one in found if has_results(one.metrics)]
    rows = tuple(_row(one) for one in sorted(done, key=lambda one: one.created))
    header = ("measurement", "rows", "n", "metric", "this run", "the others")
    return [Table("Measured later", header, rows, numeric=False)] if rows else []


def _row(run: Run) -> tuple[str, ...]:
    metrics = run.metrics
    name, of = judged_model(metrics)
    measured = figures(of)
    key = next(iter(measured))
    others = [
        f"{other} {cell(key, figures(found).get(key))}"
        for other, found in models_of(metrics).items()
        if other != name
    ]
    rows = " ".join(filter(None, [metrics.get("data"), metrics.get("split")]))
    n = words.count(metrics.get("n"))
    return run.path.name, rows, n, title(key), cell(key, measured[key]), ", ".join(others) or "–"
