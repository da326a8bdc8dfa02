"""Differences between splits: worked by hand, and equal to SciPy's tests."""

import random

import pytest

from labkit.data.examples import Example
from labkit.data.quality.shift import (
    chi_square_p,
    ks_distance,
    ks_p,
    label_shift,
    length_shift,
    unseen_share,
    word_shift,
)


def examples(*texts):
    return [Example(text, "", None, row) for row, text in enumerate(texts, 1)]


def test_label_shares_that_differ_are_worked_by_hand():
    # 50/50 of 200 rows against 80/20 of 100: total variation 0.3
    # expected 120 and 60 of the first, 80 and 40 of the second label: 400 (1/120+1/60+1/80+1/40)
    shift = label_shift("test", {"a": 100, "b": 100}, {"a": 80, "b": 20})
    assert shift.distance == pytest.approx(0.3)
    assert shift.p_value == pytest.approx(5.7e-7, rel=0.02)  # chi-square 25 with 1 degree
    assert shift.matters
    assert "'a': 50.0 % in training, 80.0 % there" in shift.sentence


def test_equal_shares_do_not_matter_nor_do_few_rows():
    assert label_shift("test", {"a": 40, "b": 20}, {"a": 20, "b": 10}).distance == 0
    assert not label_shift("test", {"a": 5, "b": 5}, {"a": 4, "b": 1}).matters


def test_the_chi_square_p_value_is_scipys():
    from scipy.stats import chi2_contingency

    tables = [([30, 20, 10], [12, 20, 9]), ([1, 2, 3, 0], [4, 1, 2, 2]), ([5, 0], [7, 0])]
    for one, other in tables[:2]:
        assert chi_square_p(one, other) == pytest.approx(chi2_contingency([one, other])[1])
    assert chi_square_p(*tables[2]) == 1.0


def test_the_distance_of_lengths_is_scipys_and_its_p_value_kolmogorovs_limit():
    from scipy.stats import ks_2samp, kstwobign

    rng = random.Random(5)
    one = [rng.randrange(5, 40) for _ in range(300)]
    other = [rng.randrange(8, 46) for _ in range(120)]
    theirs = ks_2samp(one, other, method="asymp")
    assert ks_distance(one, other) == pytest.approx(theirs.statistic)
    limit = kstwobign.sf(theirs.statistic * (300 * 120 / 420) ** 0.5)
    assert ks_p(theirs.statistic, 300, 120) == pytest.approx(limit)
    assert limit == pytest.approx(theirs.pvalue, rel=0.35)


def test_lengths_of_another_kind_matter():
    # all of 1..50 against all of 26..75: at 25 the functions are 0.5 and 0
    shift = length_shift("test", list(range(1, 51)), list(range(26, 76)), "tokens")
    assert shift.distance == pytest.approx(0.5)
    assert shift.matters
    assert "more than 50 tokens, in training 25" in shift.sentence
    assert not length_shift("test", [5, 6, 7] * 20, [5, 6, 7] * 5, "tokens").matters


def test_new_words_are_counted_as_types():
    known = examples("the cat runs", "the dog sings")
    assert unseen_share(known, examples("The CAT flies!", "a bird, a bird")) == 3 / 5


def test_held_out_rows_about_other_things_matter():
    animals = [f"the {a} {b}" for a in ("cat", "dog", "cow") for b in ("runs", "eats", "sings")]
    alike = word_shift("test", examples(*animals * 3), examples("the cat sings", "the dog eats"))
    other = word_shift("test", examples(*animals * 3), examples("prices of iron", "fell again"))
    assert (alike.distance, alike.matters) == (0.0, False)
    assert (other.distance, other.matters) == (1.0, True)
