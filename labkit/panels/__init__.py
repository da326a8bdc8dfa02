"""Panels: what the magics do, with the mouse; they read runs, and none of them is one."""

from typing import TYPE_CHECKING, Any

from ..run import Run
from ..spec import FinetuneSpec

if TYPE_CHECKING:
    from .compare_panel import ComparePanel
    from .data_panel import DataPanel
    from .finetune_panel import FinetunePanel
    from .follow import RunPanel
    from .optimize_panel import OptimizePanel
    from .runs_panel import RunsPanel
    from .sweep_panel import SweepPanel


def compare(run: str | Run, other: str | Run | None = None) -> "ComparePanel":
    """Return the panel that asks a run's models the same: base, tuned and its exports.

    Args:
        run: The fine-tuning, or its name.
        other: Another run to hold beside it: settings, results, cost and its tuned model.
    """
    from .compare_panel import ComparePanel

    return ComparePanel(run, other)


def data(data: Any = "phrases", **settings: Any) -> "DataPanel":  # noqa: ANN401 - a name or rows
    """Return the panel of a data set: rows to look through, a report, a template editor.

    Args:
        data: A name, a path, a list of dicts, a DataFrame or a `datasets.Dataset`.
        settings: Fields of `FinetuneSpec`, such as `text_template`.
    """
    from .data_panel import DataPanel

    return DataPanel(data, **settings)


def finetune(spec: FinetuneSpec | None = None, **settings: Any) -> "FinetunePanel":  # noqa: ANN401
    """Return the panel of a fine-tuning: settings, rows and plan; start, stop, resume.

    Args:
        spec: Settings to begin with.
        settings: Fields of `FinetuneSpec` that change single ones.
    """
    from .finetune_panel import FinetunePanel

    return FinetunePanel(spec, **settings)


def optimize(run: str | Run) -> "OptimizePanel":
    """Return the panel that exports a run: settings, the ladder rung by rung, why one was refused.

    Args:
        run: The fine-tuning, or its name.
    """
    from .optimize_panel import OptimizePanel

    return OptimizePanel(run)


def run(name: str | Run) -> "RunPanel":
    """Return the panel of a run: how it goes on, wherever it was started, with stop and resume.

    Args:
        name: Name of the run, or the run.
    """
    from .follow import RunPanel

    return RunPanel(name)


def runs() -> "RunsPanel":
    """Return the panel of all runs of the folder: sort, compare, show, stop, delete."""
    from .runs_panel import RunsPanel

    return RunsPanel()


def sweep(run: str | Run) -> "SweepPanel":
    """Return the panel of a search: trials as they come, the best so far, what matters.

    Args:
        run: The search, or its name.
    """
    from .sweep_panel import SweepPanel

    return SweepPanel(run)
