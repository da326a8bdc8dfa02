"""What raters found: marks with intervals, preference, and how far they agree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .. import report
from .forms import CRITERIA, Judgement

if TYPE_CHECKING:
    import numpy as np

Judgements = Mapping[str, Sequence[Judgement]]
"""What each rater found, by the rater's name."""

Key = Mapping[str, Any]
"""Whose answers A and B are: `models`, the judged one last, and `items`."""


@dataclass(frozen=True)
class RatingResults:
    """What raters found; shows itself in a notebook and prints as text."""

    raters: tuple[str, ...]
    """Who judged."""

    n: int
    """Rows that each of them judged."""

    marks: dict[str, dict[str, dict[str, Any]]]
    """Mean mark, 1 to 5, with its 95 % interval over rows, by criterion and model."""

    comparisons: dict[str, dict[str, Any]]
    """Paired comparison of the two models, by criterion and for `preferred`."""

    preferred: dict[str, int]
    """Judgements that prefer each model, or neither (`same`)."""

    agreement: dict[str, dict[str, Any]]
    """How far raters agree beyond chance, by criterion and for `preferred`; of one rater none."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)

    def __repr__(self) -> str:
        return report.ratings_text(self.as_dict())

    def _repr_html_(self) -> str:
        return report.ratings_html(self.as_dict())


def rating_results(key: Key, judgements: Judgements) -> RatingResults:
    """Unblind judgements and sum them up.

    Args:
        key: What `rate` wrote.
        judgements: Each rater's, every item of the key once.
    """
    first, second = key["models"]
    marks = {
        criterion: {
            model: _table(key, judgements, _mark_of(key, criterion, model))
            for model in (first, second)
        }
        for criterion in CRITERIA
    }
    chosen = _table(key, judgements, _preference(key, second))
    pairs = {name: (of[first], of[second]) for name, of in marks.items()}
    every = pairs | {"preferred": (1 - chosen, chosen)}
    return RatingResults(
        raters=tuple(judgements),
        n=len(key["items"]),
        marks={
            name: {model: _measured(table) for model, table in of.items()}
            for name, of in marks.items()
        },
        comparisons={name: _compared(*pair, (first, second)) for name, pair in every.items()},
        preferred={
            first: int((chosen == 0).sum()),
            second: int((chosen == 1).sum()),
            "same": int((chosen == 0.5).sum()),
        },
        agreement=_agreement(marks, chosen),
    )


def _mark_of(key: Key, criterion: str, model: str) -> Callable[[Judgement], float]:
    """Return the function from a judgement to the mark that a model got."""

    def mark(of: Judgement) -> float:
        side = "A" if key["items"][of.item]["A"] == model else "B"
        return of.marks[f"{criterion} {side}"]

    return mark


def _preference(key: Key, model: str) -> Callable[[Judgement], float]:
    """Return the function that gives 1 where a model is preferred, 0.5 where none is, else 0."""

    def preferred(of: Judgement) -> float:
        return (
            0.5 if of.preferred == "same" else float(key["items"][of.item][of.preferred] == model)
        )

    return preferred


def _table(key: Key, judgements: Judgements, value: Callable[[Judgement], float]) -> "np.ndarray":
    """Return a number for each rater and item, `(raters, items)`, in the key's order."""
    import numpy as np

    found = [{one.item: value(one) for one in of} for of in judgements.values()]
    return np.array([[of[item] for item in key["items"]] for of in found], float)


def _measured(table: "np.ndarray") -> dict[str, Any]:
    """Return the mean over raters and items; rows are drawn again, as they are a sample."""
    from ..evaluation.measure import Metric, about, share, with_ones

    metric = Metric(None, share, about("mean mark, 1 to 5; bootstrap over rows"))
    return asdict(metric.measure(with_ones(table.mean(axis=0))))


def _compared(first: "np.ndarray", second: "np.ndarray", names: tuple[str, str]) -> dict[str, Any]:
    from ..evaluation.paired import paired_difference

    return asdict(paired_difference(first.mean(axis=0), second.mean(axis=0), names=names))


def _agreement(
    marks: Mapping[str, Mapping[str, "np.ndarray"]], chosen: "np.ndarray"
) -> dict[str, dict[str, Any]]:
    """Return how far raters agree; both models' marks of a criterion stand side by side."""
    import numpy as np

    from ..evaluation.agreement import agreement

    if len(chosen) < 2:  # one rater agrees with nobody
        return {}
    tables = {name: np.concatenate(list(of.values()), axis=1) for name, of in marks.items()}
    found = {name: agreement(table.tolist(), "ordinal") for name, table in tables.items()}
    found["preferred"] = agreement(chosen.tolist(), "nominal")
    return {name: asdict(one) for name, one in found.items()}
