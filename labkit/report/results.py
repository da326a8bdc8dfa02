"""The results of a run as blocks: every task, every model that was measured on the same rows."""

from ..run import Run
from . import labels
from .answers import generated, samples
from .blocks import Block
from .forgotten import forgotten
from .grid import grid
from .preferences import preference_picture, preferences
from .scores import has_results, scores, signatures


def results(run: Run) -> list[Block]:
    """Return the comparison on the held-out rows; nothing before it was measured."""
    metrics = run.metrics
    if not has_results(metrics):
        return []
    return [
        *preferences(metrics),
        scores(metrics),
        *labels.per_label(metrics),
        *labels.changed(metrics),
        *generated(metrics),
        *samples(metrics),
        *forgotten(metrics),
        *grid("Merged into the base in fp32, beside the tuned model", metrics.get("merged")),
        *signatures(metrics),
    ]


def pictures(run: Run) -> list[Block]:
    """Return what is seen better than read."""
    metrics = run.metrics
    if not has_results(metrics):
        return []
    return [*preference_picture(metrics), *labels.pictures(metrics)]
