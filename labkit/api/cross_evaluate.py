"""Every adapter on every adapter's task."""

from collections.abc import Sequence
from typing import Any

from .. import launch
from ..errors import RunError
from ..run import Run, as_run, create, free_name
from ..spec import CrossSpec
from .combine import learned_on_one_base
from .staging import go


def cross_evaluate(
    adapters: Sequence[str | Run],
    *,
    name: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of CrossSpec
) -> Run:
    """Measure each adapter, and the base, on the held-out rows of all: what each gained and forgot.

    Args:
        adapters: Runs on one base model; each brings its rows as a task.
        name: Name of the run; left out: `crossed-1`, `crossed-2`, …
        wait: Follow it to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: `limit`, the most rows of each task, and `seed`, by which they are drawn.

    Raises:
        RunError: A run has nothing to measure, or cannot answer the rows of the others.
        SpecError: A setting is wrong.
    """
    runs = [as_run(run) for run in adapters]
    spec = CrossSpec.from_mapping({"adapters": tuple(run.name for run in runs), **settings})
    specs = learned_on_one_base(runs, "measure")
    for run, learned in zip(runs, specs, strict=True):
        if learned.head or learned.method == "full":
            what = "a head of its own" if learned.head else "a whole model"
            raise RunError(
                f"{run.name!r} has {what}, which does not go on and off a shared base.",
                hint=f"Leave it out; %evaluate {run.name} measures it by itself.",
            )
    made = create(name or free_name("crossed"), "cross_evaluate", spec)
    return go(made, wait=wait, view=view)
