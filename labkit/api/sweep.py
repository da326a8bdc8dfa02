"""Search for settings: several trials, the best of them a run like any other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import catalog, data, launch
from ..errors import RunError
from ..run import Run, create, free_name
from ..spec import SweepSpec
from .staging import create_run, go, rehearsed, require_unfinished, staged


def sweep(
    space: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of SweepSpec and FinetuneSpec
) -> Run:
    """Search among settings of a fine-tuning in a worker process and return the search's run.

    `run.best` is then the best trial, a run like any other. It is measured beside the default
    settings on rows that chose neither.

    Args:
        space: What to vary: by setting a list of values, or a dict with `low` and `high`, and with
            `log` or `step`.
        name: Name of the search's folder; left out: `sweep-1`, `sweep-2`, …
        wait: Follow the search to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Fields of `SweepSpec`, and those of `FinetuneSpec` that are the same for all
            trials; `data` may also be rows, as in `finetune`.

    Raises:
        SpecError, CatalogError, DataError: Something is wrong; no run was made.
        RunStopped, RunFailed: The search ended early; its folder keeps all trials.
    """
    asked = settings if space is None else {**settings, "search_space": dict(space)}
    with staged(asked) as ready:
        spec = _rehearsed(SweepSpec.from_mapping(ready))
        _check(spec)
        made = create_run(name or free_name("sweep"), "sweep", spec, is_staged=ready is not asked)
    return go(made, wait=wait, view=view)


def resume_sweep(name: str, *, wait: bool = True, view: launch.View | None = None) -> Run:
    """Go on with a search that was stopped, killed or has failed.

    Raises:
        RunError: There is no such search, it is done, or it is still going.
    """
    run = _search(name)
    require_unfinished(run, "resume", "Start a new one with more n_trials.", "search")
    return go(run, wait=wait, view=view, resuming=True)


def join_sweep(name: str, *, wait: bool = True, view: launch.View | None = None) -> Run:
    """Work on a search with one more process, here or on a machine that sees its folder.

    Raises:
        RunError: There is no such search, or it is done.
    """
    run = _search(name)
    require_unfinished(run, "join", f"Look at it with %runs {run.name}.", "search")
    root = run.path / "joined"
    spec = run.spec
    assert isinstance(spec, SweepSpec)
    made = create(free_name("process", root), "join", spec, root=root)
    return go(made, wait=wait, view=view)


def _search(name: str) -> Run:
    run = Run(name)
    if run.job != "sweep":
        raise RunError(
            f"The run {run.name!r} is no search but a run of {run.job}.",
            hint="Name a run of %%sweep; %runs lists them.",
        )
    return run


def _rehearsed(spec: SweepSpec) -> SweepSpec:
    """Return the spec with no more steps than LABKIT_MAX_STEPS."""
    base = rehearsed(spec.base)
    if base == spec.base or "max_steps" in spec.search_space:
        return spec
    return replace(spec, settings={**spec.settings, "max_steps": base.max_steps})


def _check(spec: SweepSpec) -> None:
    """Refuse a model, rows or a metric that no trial could use, before anything is made."""
    catalog.check_model_name(spec.base.model)
    if data.is_hub_id(spec.data, Path(spec.data)):
        return  # a hub is the worker's to ask
    task = data.load(spec.base).task
    if spec.metric_for_best_model != "eval_loss":
        # here, for it brings numpy, which a kernel need not have
        from ..evaluation.subjects import check_metrics

        check_metrics((spec.metric_for_best_model,), task)
