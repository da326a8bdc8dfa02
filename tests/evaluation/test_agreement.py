"""Expected values: worked by hand, the worked example of Krippendorff's book, scikit-learn."""

import numpy as np
import pytest

from labkit.errors import DataError
from labkit.evaluation import agreement
from labkit.evaluation.agreement import cohen_kappa, krippendorff_alpha

N = None
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]
"""Four observers, twelve units: "Computing Krippendorff's Alpha-Reliability", 2011, example C."""


def test_kappa_by_hand():
    """20 both say yes, 15 both no, 5 and 10 differ: observed 0.7, by chance 0.5."""
    first = [1] * 25 + [0] * 25
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(first, second) == pytest.approx((0.7 - 0.5) / (1 - 0.5))


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_kappa_is_that_of_scikit_learn(weights):
    from sklearn.metrics import cohen_kappa_score

    draw = np.random.default_rng(0)
    for _ in range(5):
        first = draw.integers(1, 6, 60)
        second = np.where(draw.random(60) < 0.6, first, draw.choice([1, 2, 5], 60))
        expected = cohen_kappa_score(first, second, weights=weights, labels=[1, 2, 3, 4, 5])
        assert cohen_kappa(first, second, weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_krippendorffs_own_example(level, alpha):
    assert krippendorff_alpha(KRIPPENDORFF, level) == pytest.approx(alpha, abs=6e-4)


def test_alpha_of_two_raters_by_hand():
    """Example A: 10 units, observed disagreement 4 of 10, expected 14 · 6 / (20 · 19) · 2."""
    ratings = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    expected = 1 - (4 / 10) / (2 * 14 * 6 / (20 * 19))
    assert krippendorff_alpha(ratings, "nominal") == pytest.approx(expected)
    assert expected == pytest.approx(0.095, abs=1e-3)


def test_the_measure_fits_the_ratings_that_are_there():
    two, gaps = [[1, 2, 3, 4], [1, 2, 3, 5]], [[1, 2, 3, None], [1, 2, 4, 5]]
    assert agreement(two, "nominal").measure == "Cohen's kappa"
    assert agreement(two).measure == "Cohen's kappa, linear weights"
    assert agreement(two).value == pytest.approx(cohen_kappa(*two, "linear"))
    found = agreement(gaps)
    assert (found.measure, found.n_items, found.n_raters) == ("Krippendorff's alpha, ordinal", 3, 2)
    assert agreement(KRIPPENDORFF, "interval").n_items == 11
    assert agreement([*two, two[0]]).measure == "Krippendorff's alpha, ordinal"


def test_full_agreement_is_1_and_none_but_one_rating_has_no_chance_level():
    assert agreement([[1, 2, 3], [1, 2, 3]]).value == 1
    assert agreement([[1, 2, 3]] * 3).value == pytest.approx(1)
    assert agreement([[4, 4, 4], [4, 4, 4]]).value is None
    assert agreement([[4, 4, 4]] * 3).value is None


def test_opposite_ratings_are_below_chance():
    assert agreement([[1, 5, 1, 5], [5, 1, 5, 1]]).value == -1


@pytest.mark.parametrize(
    ("ratings", "words"),
    [
        ([], "got 0 with no items"),
        ([[1, 2]], "got 1 with 2 items"),
        ([[1, 2], [1]], "got 2 with 2, 1 items"),
        ([[1, None], [None, 2]], "two ratings; got none"),
    ],
)
def test_what_nobody_rated_twice_has_no_agreement(ratings, words):
    with pytest.raises(DataError, match=words):
        agreement(ratings)
