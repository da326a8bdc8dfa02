"""How far people agree who rated the same answers, beyond what chance would give.

Cohen, 1960, 1968 (weights); Krippendorff, "Content Analysis", 2004, chapter 11. 1 is full
agreement, 0 is chance, and below 0 people disagree more than chance would have it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import DataError

Level = Literal["nominal", "ordinal", "interval"]
"""What a distance between ratings means: equal or not, ranks apart, points apart."""

Ratings = Sequence[Sequence[float | None]]
"""A list for each rater: a number for each item, None where there is no rating."""


@dataclass(frozen=True)
class Agreement:
    """How far raters agree."""

    measure: str
    """`Cohen's kappa` or `Krippendorff's alpha`, with its weights or level."""

    value: float | None
    """At most 1; None where nobody used more than one rating, so that there is no chance level."""

    n_items: int
    """Items that at least two people rated."""

    n_raters: int
    """People."""


def agreement(ratings: Ratings, level: Level = "ordinal") -> Agreement:
    """Return Cohen's kappa of two raters of all items, else Krippendorff's alpha.

    Args:
        ratings: A list for each rater, `(raters, items)`; None where there is no rating.
        level: `nominal` for names, `ordinal` for ranks as 1 to 5, `interval` for points. Kappa
            weights disagreements linearly for ordinal and by their square for interval ratings.

    Raises:
        DataError: There are fewer than two raters, their lists differ in length, or no item was
            rated twice.
    """
    table = _table(ratings)
    items = int((np.isfinite(table).sum(axis=0) > 1).sum())
    if len(table) == 2 and np.isfinite(table).all():
        weights: dict[Level, Weights] = {"ordinal": "linear", "interval": "quadratic"}
        chosen = weights.get(level)
        name = "Cohen's kappa" + (f", {chosen} weights" if chosen else "")
        return Agreement(name, _number(cohen_kappa(table[0], table[1], chosen)), items, 2)
    name = f"Krippendorff's alpha, {level}"
    return Agreement(name, _number(krippendorff_alpha(ratings, level)), items, len(table))


Weights = Literal["linear", "quadratic"]
"""How much more a disagreement counts that lies further apart."""


def cohen_kappa(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    weights: Weights | None = None,
) -> float:
    """Return Cohen's kappa of two raters of the same items; NaN where only one rating was used.

    Weights go by the distance between two ratings.
    """
    used = np.unique(np.concatenate([np.asarray(first), np.asarray(second)]))
    counts = np.zeros((len(used), len(used)))
    np.add.at(counts, (np.searchsorted(used, first), np.searchsorted(used, second)), 1)
    apart = _apart(used)
    cost = {None: apart > 0, "linear": apart, "quadratic": apart**2}[weights]
    chance = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    return _beyond_chance(float((cost * counts).sum()), float((cost * chance).sum()))


def krippendorff_alpha(ratings: Ratings, level: Level = "ordinal") -> float:
    """Return Krippendorff's alpha of any number of raters; NaN where only one rating was used.

    Items with fewer than two ratings do not count. Two people's ratings of an item are a pair;
    alpha sets the distances within pairs against those between any two ratings of all items.

    Raises:
        DataError: As for `agreement`.
    """
    table = _table(ratings)
    units = [column[np.isfinite(column)] for column in table.T]
    units = [unit for unit in units if len(unit) > 1]
    used = np.unique(np.concatenate(units))
    pairs = np.zeros((len(used), len(used)))  # coincidences of ratings within items
    for unit in units:
        held = (unit[:, None] == used).sum(0).astype(float)
        pairs += (np.outer(held, held) - np.diag(held)) / (len(unit) - 1)
    totals = pairs.sum(1)
    cost = _distances(used, totals, level)
    chance = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    return _beyond_chance(float((cost * pairs).sum()), float((cost * chance).sum()))


def _distances(used: np.ndarray, totals: np.ndarray, level: Level) -> np.ndarray:
    """Return squared distances between the ratings that were used, `(used, used)`."""
    if level == "nominal":
        return 1.0 - np.eye(len(used))
    if level == "ordinal":  # ratings between two, half of each end: the middle of its ranks
        used = np.cumsum(totals) - totals / 2
    return _apart(used) ** 2


def _apart(places: np.ndarray) -> np.ndarray:
    apart: np.ndarray = np.abs(places[:, None] - places)
    return apart


def _beyond_chance(found: float, chance: float) -> float:
    return 1 - found / chance if chance else math.nan


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _table(ratings: Ratings) -> np.ndarray:
    """Return ratings as `(raters, items)` numbers, NaN where there is none."""
    sizes = [len(row) for row in ratings]
    if len(sizes) < 2 or len(set(sizes)) > 1:
        raise DataError(
            "Agreement needs two raters or more with a place for every item; "
            f"got {len(sizes)} with {', '.join(map(str, sizes)) or 'no'} items.",
            hint="Give a list for each rater, with None where there is no rating.",
        )
    table = np.array([[math.nan if x is None else x for x in row] for row in ratings], float)
    if not (np.isfinite(table).sum(axis=0) > 1).any():
        hint = "Let two people rate the same answers."
        raise DataError("Agreement needs an item with two ratings; got none.", hint)
    return table
