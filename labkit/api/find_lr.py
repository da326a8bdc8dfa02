"""Find a learning rate."""

from typing import Any

from .. import launch
from ..run import Run, free_name
from ..spec import FinetuneSpec
from .staging import go, new_run


def find_lr(
    spec: FinetuneSpec | None = None,
    *,
    name: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> Run:
    """Try growing learning rates on a run's own rows and method; suggest one of them.

    The test is that of Smith (2017, arXiv:1506.01186); `run.metrics["suggested"]` is a third of
    the rate at which the loss was lowest. No weights are kept.

    Args:
        spec: Settings, as of a fine-tuning; `settings` change single ones.
        name: Name of the run's folder; left out: `lr-1`, `lr-2`, …
        wait: Follow the run to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Fields of `FinetuneSpec`; `learning_rate` and the schedule are not used.

    Raises:
        SpecError, CatalogError, DataError: Something is wrong; no run was made.
        RunStopped, RunFailed: The run ended early; its folder keeps the record.
    """
    run = new_run(name or free_name("lr"), "find_lr", spec, settings)
    return go(run, wait=wait, view=view)
