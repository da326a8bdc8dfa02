"""Metrics that a person writes in Python: what an answer is worth to the business that asks.

They are computed where they were written, in the notebook's process, from the answers that an
evaluation recorded; the worker never sees them.
"""

import inspect
import json
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import report
from ..errors import RunError, SpecError, listed, near
from ..files import write_json
from ..run import Run

Function = Callable[..., Any]
"""`f(answer, reference)` or `f(answer, reference, prompt)` to the worth of one answer; or
`f(answers, references)` to one number over all rows.

An attribute `higher_is_better = False` on the function says that less is better.
"""


def split_metrics(
    metrics: "str | Function | Sequence[str | Function] | None",
    namespace: Mapping[str, Any] | None = None,
) -> tuple[tuple[str, ...], list[Function]]:
    """Return the names for the worker, and the functions to compute here.

    Args:
        metrics: Names, functions, or texts such as `cost.py:saved_minutes`.
        namespace: Where a name may also be that of a function: a notebook's variables.

    Raises:
        SpecError: A file or function is not there, or takes other arguments.
    """
    wanted = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics or ())
    found = [_found(item, namespace or {}) for item in wanted]
    names = tuple(item for item in found if isinstance(item, str))
    own = [_checked(item) for item in found if not isinstance(item, str)]
    return names, own


def add_own(run: Run, functions: Sequence[Function]) -> None:
    """Compute metrics of one's own from an evaluation's answers and write them to its results.

    Raises:
        RunError: The run is no evaluation that is done.
        DataError: A function raised an error or gave no number; the row is named.
    """
    metrics, rows = run.metrics, predictions(run)
    seed, judged = int(run.spec.as_dict()["seed"]), str(metrics["run"])
    for function in functions:
        name = function.__name__
        for model, of in metrics["models"].items():
            of.setdefault("metrics", {})[name] = _measured(function, rows, model, seed)
        metrics.setdefault("own", {})[name] = {
            other: _compared(function, rows, (other, judged), seed)
            for other in metrics["models"]
            if other != judged and not _is_whole(function)
        }
    write_json(run.path / "metrics.json", metrics)
    report.write_report(run)


def predictions(run: Run) -> list[dict[str, Any]]:
    """Return the rows of an evaluation with each model's answer."""
    file = run.path / "predictions.jsonl"
    if run.job != "evaluate" or not file.exists():
        raise RunError(
            f"The run {run.name!r} has no recorded answers; it is {run.status}.",
            hint="Name an evaluation that is done: %evaluate RUN makes one.",
        )
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _found(item: "str | Function", namespace: Mapping[str, Any]) -> "str | Function":
    if not isinstance(item, str):
        return item
    path, _, name = item.rpartition(":")
    if path.endswith(".py"):
        return from_file(Path(path), name)
    function: Function | None = None if _is_known(item) else namespace.get(item)
    return function if callable(function) else item


def _is_known(name: str) -> bool:
    """Tell whether a metric of labkit has this name; a variable of that name is none of ours."""
    from ..evaluation.subjects import FITTING

    return any(name in names for names in FITTING.values())


def from_file(path: Path, name: str) -> Function:
    """Return a function of a Python file.

    Raises:
        SpecError: The file cannot be run, or has no such function.
    """
    if not path.is_file():
        raise SpecError(f"There is no file {str(path)!r}.", hint="Give the path of a Python file.")
    try:
        found = runpy.run_path(str(path))
    except Exception as error:
        raise SpecError(
            f"The file {str(path)!r} cannot be run: {type(error).__name__}: {error}.",
            hint="Run it by itself with python, and mend it.",
        ) from error
    known = [key for key, value in found.items() if inspect.isfunction(value)]
    if name not in known:
        there = listed(known, "and") or "none"
        raise SpecError(
            f"The file {str(path)!r} has no function {name!r}.",
            hint=near(name, known, f"Functions in it: {there}."),
        )
    function: Function = found[name]
    return function


def _checked(function: Function) -> Function:
    """Refuse what cannot be called with an answer and its reference."""
    name = getattr(function, "__name__", "")
    if not callable(function) or not name.isidentifier():
        raise SpecError(
            f"metrics must be names or named functions; got {function!r}.",
            hint="Write it with def: def cost(answer, reference): …",
        )
    from ..evaluation.own import parameters_of

    parameters_of(function)
    return function


def _is_whole(function: Function) -> bool:
    """Tell whether a function takes all rows at once, so that rows cannot be paired."""
    from ..evaluation.own import parameters_of

    return parameters_of(function)[0] == "answers"


def _columns(rows: Sequence[dict[str, Any]], model: str) -> tuple[list[str], list[str], list[str]]:
    """Return answers, references and prompts."""
    return (
        [row["answers"][model] for row in rows],
        [row["reference"] for row in rows],
        [row["prompt"] for row in rows],
    )


def _measured(
    function: Function, rows: Sequence[dict[str, Any]], model: str, seed: int
) -> dict[str, Any]:
    """Return the metric with its interval, as metrics.json holds it."""
    from ..evaluation.own import own_metric

    better = bool(getattr(function, "higher_is_better", True))
    found = own_metric(function, *_columns(rows, model), seed=seed, higher_is_better=better)
    said = (inspect.getdoc(function) or "").splitlines()[:1]
    return asdict(found) | {"about": ": ".join([found.about, *said])}


def _compared(
    function: Function, rows: Sequence[dict[str, Any]], names: tuple[str, str], seed: int
) -> dict[str, Any]:
    """Return the paired comparison of two models on the same rows."""
    from ..evaluation.own import own_row_scores
    from ..evaluation.paired import paired_difference

    first, second = (own_row_scores(function, *_columns(rows, name)) for name in names)
    better = bool(getattr(function, "higher_is_better", True))
    return asdict(paired_difference(first, second, seed=seed, names=names, higher_is_better=better))
