"""Measure a tuned model, beside others on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import data, launch, report
from ..errors import SpecError
from ..run import Run, as_run, free_name
from ..spec import EvaluateSpec
from .own_metrics import Function, add_own, split_metrics
from .staging import create_run, most_steps, staged


def evaluate(
    run: str | Run,
    *,
    name: str | None = None,
    metrics: str | Function | Sequence[str | Function] | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    namespace: Mapping[str, Any] | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of EvaluateSpec
) -> Run:
    """Measure what a run learned, its base model and others on the same rows.

    The result is a run of its own in the folder `<run>/evaluations/<name>`.

    Args:
        run: The run whose model is judged.
        name: Name of the measurement; left out: `eval-1`, `eval-2`, …
        metrics: Names of metrics; Python functions `f(answer, reference)` or
            `f(answer, reference, prompt)` of your own; or such as `cost.py:saved_minutes`.
        wait: Follow the measurement to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        namespace: Variables in which a metric's name may be a function.
        settings: Fields of `EvaluateSpec`; `data` may also be rows, as in `finetune`.

    Raises:
        RunError: A run has nothing to measure, or cannot be compared with this one.
        SpecError, DataError: A setting, a metric or a row cannot be used; nothing was made.
    """
    judged = as_run(run)
    names, own = split_metrics(metrics, namespace)
    if own and not wait:
        raise SpecError(
            f"wait must be true with a metric of your own; got {own[0].__name__}.",
            hint="Leave it out and add it when the evaluation is done: add_metrics(run, function).",
        )
    asked = {"run": judged.name, **settings} | ({"metrics": names} if names else {})
    with staged(asked) as ready:
        spec = _rehearsed(EvaluateSpec.from_mapping(ready))
        _check(judged, spec)
        root = judged.path / "evaluations"
        name = name or free_name("eval", root)
        made = create_run(name, "evaluate", spec, is_staged=ready is not asked, root=root)
    launch.start(made)
    return _follow(made, own, view or report.watcher()) if wait else made


def add_metrics(run: str | Run, *functions: Function | str) -> Run:
    """Compute metrics of your own from an evaluation that is done; nothing is measured again.

    Args:
        run: The evaluation, as `tone/evaluations/eval-1`.
        functions: `f(answer, reference)` or `f(answer, reference, prompt)`, or `file.py:function`.
    """
    found = as_run(run)
    names, own = split_metrics(functions)
    if names:
        raise SpecError(
            f"add_metrics takes functions of your own; got {names[0]!r}.",
            hint=f"Measure anew with metrics={names[0]!r}, or name a function as file.py:function.",
        )
    add_own(found, own)
    return found


def _check(judged: Run, spec: EvaluateSpec) -> None:
    """Refuse at once what the worker would refuse after a while."""
    from ..evaluation.subjects import check_metrics, finished, subjects_of

    subjects_of(judged, spec.against)
    check_metrics(spec.metrics or (), judged.metrics["task"])
    _check_use(spec, is_labels=judged.metrics["task"] == "classification")
    named = spec.data or finished(judged).data
    if (spec.data or spec.split) and not data.is_hub_id(named, Path(named)):
        data.load_unseen(
            finished(judged), spec.data, spec.split, judged.metrics.get("labels") or ()
        )


def _check_use(spec: EvaluateSpec, *, is_labels: bool) -> None:
    """Refuse a setting that the task has no use for."""
    use = {
        "prior_correction": "classification",
        "temperature": "text tasks",
        "max_new_tokens": "text tasks",
    }
    for name in spec.changed():
        if use.get(name) == ("text tasks" if is_labels else "classification"):
            raise SpecError(
                f"{name} goes with {use[name]}; got {getattr(spec, name)!r}.",
                hint=f"Leave {name} out.",
            )


def _rehearsed(spec: EvaluateSpec) -> EvaluateSpec:
    """Return the spec with no more rows than a rehearsal has steps."""
    most = most_steps()
    return spec if most is None else replace(spec, limit=min(most, spec.limit or most))


def _follow(run: Run, own: Sequence[Function], view: launch.View) -> Run:
    """Follow a measurement to its end; metrics of one's own are in its last picture."""
    launch.wait(run, _Held(view) if own else view)
    if own:
        try:
            add_own(run, own)
        finally:
            view.close(run)
    return run


class _Held:
    """A view whose last picture is held back where the run is done."""

    def __init__(self, view: launch.View) -> None:
        self._view = view

    def update(self, run: Run) -> None:
        """Draw the run as it is now."""
        self._view.update(run)

    def close(self, run: Run) -> None:
        """Draw the last state, unless there is more to come."""
        if run.status != "done":
            self._view.close(run)
