"""Expected values: worked by hand, from the definitions, or from scikit-learn where it is there."""

import math

import numpy as np
import pytest

from labkit.errors import DataError
from labkit.evaluation import metrics

GOLD = list("aaaabbbccc")
SAID = list("aabbbbcccb")


def test_wilson_solves_its_defining_equation():
    """The limits are the shares p at which the observed share lies 1.96 standard errors away."""
    for hits, n in [(82, 120), (1, 7), (0, 30), (30, 30)]:
        for p in metrics.wilson(hits, n):
            error = math.sqrt(p * (1 - p) / n)
            assert abs(hits / n - p) == pytest.approx(metrics.Z95 * error, abs=1e-7)


def test_wilson_of_8_out_of_10_is_the_published_interval():
    assert metrics.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_wilson_stays_between_0_and_1_and_is_never_a_point():
    for n in (1, 5, 120):
        for hits in (0, n):
            low, high = metrics.wilson(hits, n)
            assert 0 <= low < high <= 1


def test_accuracy_is_the_share_of_equal_answers():
    assert metrics.accuracy(SAID, GOLD) == pytest.approx(0.6)


def test_confusion_has_a_row_per_gold_label_and_a_column_per_prediction():
    counts = metrics.confusion_matrix(SAID, GOLD, ["a", "b", "c"])
    assert counts.tolist() == [[2, 2, 0], [0, 2, 1], [0, 1, 2]]


def test_precision_recall_and_f1_of_each_label_by_hand():
    found = metrics.per_label(metrics.confusion_matrix(SAID, GOLD, ["a", "b", "c"]))
    a, b, c = found
    assert (a.precision, a.recall, a.f1, a.support) == pytest.approx((1, 2 / 4, 2 / 3, 4))
    assert (b.precision, b.recall, b.f1, b.support) == pytest.approx((2 / 5, 2 / 3, 1 / 2, 3))
    assert (c.precision, c.recall, c.f1, c.support) == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert metrics.macro_f1(found) == pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)


def test_a_label_that_is_never_said_has_f1_0_and_one_that_never_occurs_does_not_count():
    found = metrics.per_label(metrics.confusion_matrix(["a", "a"], ["a", "b"], ["a", "b", "z"]))
    assert [m.f1 for m in found] == pytest.approx([2 / 3, 0, 0])
    assert metrics.macro_f1(found) == pytest.approx(1 / 3)


def test_f1_is_twice_the_hits_over_said_and_meant_on_random_answers():
    draw, labels = np.random.default_rng(0), list("abcdef")
    gold, said = draw.choice(labels, 200).tolist(), draw.choice(labels[:5], 200).tolist()
    found = metrics.per_label(metrics.confusion_matrix(said, gold, labels))
    hits = [sum(g == s == label for g, s in zip(gold, said, strict=True)) for label in labels]
    f1 = [2 * n / (gold.count(k) + said.count(k)) for n, k in zip(hits, labels, strict=True)]
    assert [m.f1 for m in found] == pytest.approx(f1)
    assert [m.support for m in found] == [gold.count(label) for label in labels]
    assert metrics.macro_f1(found) == pytest.approx(sum(f1) / 6)


def test_perplexity_of_a_uniform_guess_is_the_number_of_choices():
    assert metrics.perplexity(math.log(49152)) == pytest.approx(49152)
    assert metrics.perplexity(1e9) == math.inf


def test_softmax_of_log_shares_gives_the_shares_however_small():
    shares = np.array([[0.2, 0.3, 0.5]])
    assert np.allclose(metrics.softmax(np.log(shares) - 5000), shares)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.wilson(0, 0), "at least one row; got 0"),
        (lambda: metrics.accuracy(["a"], ["a", "b"]), "got 1 and 2"),
        (lambda: metrics.accuracy([], []), "got 0 and 0"),
        (lambda: metrics.confusion_matrix(["a"], ["x"], ["a", "b"]), "'a', 'b'; got 'x'"),
    ],
)
def test_numbers_without_a_meaning_are_refused(call, words):
    with pytest.raises(DataError, match=words):
        call()
