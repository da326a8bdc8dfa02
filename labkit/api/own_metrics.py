"""Metrics that a person writes in Python: what an answer is worth to the business that asks.

They are computed where they were written, in the notebook's process, from the answers that an
evaluation recorded; the worker never sees them.
"""

import inspect
import json
import math
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import report
from ..errors import RunError, SpecError, listed, near
from ..files import write_json
from ..run import Run

if TYPE_CHECKING:
    import numpy as np

Function = Callable[..., float]
"""`f(answer, reference)` or `f(answer, reference, prompt)`: the worth of one answer.

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
        SpecError: A function raised an error or gave no number; the row is named.
    """
    metrics, rows = run.metrics, predictions(run)
    seed, judged = int(run.spec.as_dict()["seed"]), str(metrics["run"])
    for function in functions:
        name = function.__name__
        scores = {model: _scores(function, rows, model) for model in metrics["models"]}
        better = bool(getattr(function, "higher_is_better", True))
        for model, of in metrics["models"].items():
            of.setdefault("metrics", {})[name] = _measured(scores[model], function, seed)
        metrics.setdefault("own", {})[name] = {
            other: _compared((other, judged), scores, better, seed)
            for other in metrics["models"]
            if other != judged
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
        return _from_file(Path(path), name)
    function: Function | None = namespace.get(item)
    return function if callable(function) else item


def _from_file(path: Path, name: str) -> Function:
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
    if _takes(function) not in (2, 3):
        raise SpecError(
            f"The metric {name} must take an answer and its reference (and the prompt); it takes "
            f"{_takes(function)} arguments.",
            hint=f"Write def {name}(answer, reference): …",
        )
    return function


def _takes(function: Function) -> int:
    parameters = inspect.signature(function).parameters.values()
    return sum(
        item.default is item.empty and item.kind < item.VAR_POSITIONAL for item in parameters
    )


def _scores(function: Function, rows: Sequence[dict[str, Any]], model: str) -> "np.ndarray":
    """Return the function's number for each row, `(rows,)`."""
    import numpy as np

    return np.array([_score(function, row, model) for row in rows], float)


def _score(function: Function, row: dict[str, Any], model: str) -> float:
    given = (row["answers"][model], row["reference"], row["prompt"])[: _takes(function)]
    try:
        found = float(function(*given))
    except Exception as error:
        raise _refusal(function, row, f"raised {type(error).__name__}: {error}") from error
    if not math.isfinite(found):
        raise _refusal(function, row, f"gave {found}")
    return found


def _refusal(function: Function, row: dict[str, Any], said: str) -> SpecError:
    return SpecError(
        f"The metric {function.__name__} must give a number for every row; in row {row['row']} it "
        f"{said}.",
        hint="Mend the function, then add it with add_metrics(evaluation, function); nothing "
        "is measured again.",
    )


def _measured(scores: "np.ndarray", function: Function, seed: int) -> dict[str, Any]:
    """Return the mean with its bootstrap interval, as metrics.json holds it."""
    from ..evaluation.measure import Metric, about, share, with_ones

    text = (inspect.getdoc(function) or "a function of your own").splitlines()[0]
    better = bool(getattr(function, "higher_is_better", True))
    metric = Metric(None, share, about(f"mean over rows; {text}"), higher_is_better=better)
    return asdict(metric.measure(with_ones(scores), seed=seed))


def _compared(
    names: tuple[str, str], scores: "dict[str, np.ndarray]", better: bool, seed: int
) -> dict[str, Any]:
    from ..evaluation.paired import paired_difference

    first, second = (scores[name] for name in names)
    return asdict(paired_difference(first, second, seed=seed, names=names, higher_is_better=better))
