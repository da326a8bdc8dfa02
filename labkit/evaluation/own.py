"""Metrics of one's own: a Python function over answers, measured like the others."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, LabError, SpecError
from .measure import Measure, Metric, Texts, about, share, with_ones

Function = Callable[..., Any]
"""`(answer, reference)` or `(answer, reference, prompt)` to a number for a row; or, where its first
parameter is called `answers`, the same in lists to one number over all rows."""


def own_metric(
    function: Function,
    answers: Texts,
    references: Texts,
    prompts: Texts | None = None,
    *,
    seed: int = 0,
    higher_is_better: bool = True,
) -> Measure:
    """Measure answers by a function of one's own.

    Args:
        function: From `(answer, reference)` to a number for each row, whose mean is taken and gets
            a bootstrap interval; or from `(answers, references)` to one number over all rows,
            without interval. A third parameter is given the prompt, or the prompts.
        answers: What a model wrote, one text a row.
        references: What it should have written.
        prompts: What it was asked; needed where the function has a third parameter.
        seed: Seed of the bootstrap.
        higher_is_better: Whether more is better.

    Raises:
        SpecError: The function takes something else.
        DataError: Answers, references and prompts are not equally many, or none.
        LabError: The function failed on a row, or returned no number there.
    """
    columns = _columns(function, answers, references, prompts)
    name = _name(function)
    if not _is_whole(function):
        metric = Metric(None, share, about(f"mean of {name}"), higher_is_better=higher_is_better)
        return metric.measure(with_ones(_rows(function, columns)), seed=seed)
    value = _number(function, [list(column) for column in columns], "all rows")
    said = f"{name} over all rows together"
    return Measure(value, None, len(answers), higher_is_better, said)


def own_row_scores(
    function: Function, answers: Texts, references: Texts, prompts: Texts | None = None
) -> np.ndarray:
    """Return the function's number for every row, `(rows,)`, for paired tests and best rows.

    Raises:
        SpecError: The function is one over all rows.
    """
    if _is_whole(function):
        raise SpecError(
            f"{_name(function)} must give a number for each row; its first parameter is answers.",
            hint="Write a function of (answer, reference) to compare or sort rows by it.",
        )
    return _rows(function, _columns(function, answers, references, prompts))


def _rows(function: Function, columns: Sequence[Texts]) -> np.ndarray:
    rows = enumerate(zip(*columns, strict=True), 1)
    return np.array([_number(function, row, f"row {i}") for i, row in rows])


def _number(function: Function, arguments: Sequence[Any], where: str) -> float:
    """Call the function and return its number; what it does wrong is named with its row."""
    try:
        value = function(*arguments)
        number = float(value)
    except Exception as error:  # a reader's function may raise anything
        raise _wrong(function, where, f"{type(error).__name__}: {error}") from error
    if isinstance(value, str) or not math.isfinite(number):
        raise _wrong(function, where, repr(value))
    return number


def _wrong(function: Function, where: str, got: str) -> LabError:
    return DataError(
        f"The metric {_name(function)} must return a number; on {where} it gave {got}.",
        hint="Call it by itself on that row, and return 0.0 where there is nothing to count.",
    )


def _columns(
    function: Function, answers: Texts, references: Texts, prompts: Texts | None
) -> list[Texts]:
    """Return the columns that the function takes, after checking that they fit each other."""
    columns = [answers, references]
    if len(parameters_of(function)) > 2:
        columns.append(prompts if prompts is not None else ())
    sizes = [len(column) for column in columns]
    if len(set(sizes)) > 1 or not sizes[0]:
        raise DataError(
            "Answers, references and prompts must be equally many, and at least one; "
            f"got {', '.join(map(str, sizes))}.",
            hint="Pass one of each for every row.",
        )
    return columns


def parameters_of(function: Function) -> list[str]:
    """Return the names of the parameters that the function has to be given, two or three."""
    try:
        known = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a built-in that does not tell
        return ["answer", "reference"]
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in known if p.kind in places and p.default is inspect.Parameter.empty]
    if len(names) not in (2, 3):
        raise SpecError(
            f"A metric must take (answer, reference) or (answer, reference, prompt); "
            f"{_name(function)} takes ({', '.join(names)}).",
            hint="Give all other parameters a default.",
        )
    return names


def _is_whole(function: Function) -> bool:
    return parameters_of(function)[0] == "answers"


def _name(function: Function) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
