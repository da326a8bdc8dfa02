"""Expected values: counted coin tosses, every possible sample, the normal distribution."""

import itertools
import math

import numpy as np
import pytest

from labkit.errors import DataError, SpecError
from labkit.evaluation import paired_difference, paired_texts
from labkit.evaluation.paired import sentence
from labkit.evaluation.shares import mcnemar, paired_interval


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1), (1, 0, 1), (5, 0, 2 / 32), (8, 2, 2 * (1 + 10 + 45) / 1024), (3, 3, 1)],
)
def test_mcnemar_counts_the_coin_tosses_that_fall_as_unevenly(gained, lost, p):
    assert mcnemar(gained, lost) == pytest.approx(p)
    assert mcnemar(lost, gained) == pytest.approx(p)


def test_mcnemar_of_many_rows_is_a_number():
    assert 0 <= mcnemar(3000, 2000) < 1e-30


def test_paired_counts_gains_losses_and_their_difference():
    first = np.array([1, 1, 0, 0, 0, 1, 0, 0], bool)
    second = np.array([1, 0, 1, 1, 1, 1, 0, 1], bool)
    found = paired_difference(first, second)
    assert (found.n, found.gained, found.lost, found.difference) == (8, 4, 1, 3 / 8)
    assert found.interval[0] < 3 / 8 < found.interval[1]


def test_the_interval_turns_over_when_the_models_change_places():
    low, high = paired_interval(both=40, gained=30, lost=8, n=120)
    assert paired_interval(both=40, gained=8, lost=30, n=120) == pytest.approx((-high, -low))


def test_the_interval_of_no_change_still_has_a_width():
    low, high = paired_interval(both=20, gained=0, lost=0, n=30)
    assert -0.2 < low < 0 < high < 0.2


@pytest.mark.parametrize("chances", [(0.5, 0.3, 0.05), (0.3, 0.2, 0.2), (0.7, 0.1, 0.1)])
def test_the_interval_of_a_difference_covers_it_in_about_95_of_100_samples(chances):
    """Every possible sample of 20 rows, weighted by its probability."""
    both_p, gained_p, lost_p = chances
    covered, n = 0.0, 20
    for both, gained, lost in itertools.product(range(n + 1), repeat=3):
        rest = n - both - gained - lost
        if rest < 0:
            continue
        ways = math.factorial(n) // math.prod(map(math.factorial, (both, gained, lost, rest)))
        chance = both_p**both * gained_p**gained * lost_p**lost * (1 - sum(chances)) ** rest
        low, high = paired_interval(both, gained, lost, n)
        covered += ways * chance * (low <= gained_p - lost_p <= high)
    assert 0.935 < covered < 0.99


def test_p_of_shares_is_the_exact_one_of_mcnemar():
    first = np.array([0] * 8 + [1] * 2 + [1] * 10)
    second = np.array([1] * 8 + [0] * 2 + [1] * 10)
    found = paired_difference(first, second)
    assert found.p_value == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert found.interval == pytest.approx(paired_interval(both=10, gained=8, lost=2, n=20))


def test_scores_are_compared_by_their_mean_as_a_z_test_would():
    """With 400 rows the percentile interval is mean ± 1.96 standard errors of the differences."""
    draw = np.random.default_rng(1)
    first = draw.normal(0.5, 0.2, 400)
    second = first + draw.normal(0.02, 0.1, 400)
    gain = second - first
    error = gain.std() / 20
    found = paired_difference(first, second)
    assert found.difference == pytest.approx(gain.mean())
    assert found.interval == pytest.approx(
        (gain.mean() - 1.96 * error, gain.mean() + 1.96 * error), abs=0.2 * error
    )
    z = gain.mean() / error
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.01)
    assert (found.n, found.gained + found.lost) == (400, 400)


def test_the_bootstrap_of_three_rows_is_that_of_all_27_draws():
    """Differences −1, 0.5, 2: of the 27 equally likely draws, 10 have a mean of 0 or less."""
    first, second = np.array([1.0, 1.0, 1.0]), np.array([0.0, 1.5, 3.0])
    drawn = [sum(d) for d in itertools.product([-1, 0.5, 2], repeat=3)]
    assert sum(d <= 0 for d in drawn) == 10
    found = paired_difference(first, second)
    assert found.difference == pytest.approx(0.5)
    assert found.p_value == pytest.approx(20 / 27, abs=0.06)
    assert found.interval == pytest.approx((-1, 2))


def test_where_the_interval_holds_0_it_is_too_close_to_call():
    draw = np.random.default_rng(0)
    first, second = draw.random(80), draw.random(80)
    found = paired_difference(first, second)
    assert found.interval[0] < 0 < found.interval[1]
    assert "too close to call with n = 80" in found.sentence


def test_else_the_better_model_is_named_with_its_lead():
    names = ("base", "run2")
    assert sentence((0.125, (0.05, 0.2), 0.01), 80, names) == (
        "run2 is better by 0.125 [0.05, 0.2] on 80 rows."
    )
    assert sentence((-0.125, (-0.2, -0.05), 0.01), 80, names) == (
        "base is better by 0.125 [0.05, 0.2] on 80 rows."
    )


def test_of_a_loss_the_lower_is_the_better():
    first, second = np.array([3.0, 2.5, 4.0, 3.5] * 2), np.array([1.0, 1.5, 1.2, 1.1] * 2)
    found = paired_difference(first, second, higher_is_better=False)
    assert found.difference == pytest.approx(-2.05)
    assert found.interval[1] < 0
    assert found.sentence.startswith("The second model is better by 2.05 [")


@pytest.mark.parametrize(("n", "p"), [(2, 1 / 2), (5, 1 / 16), (6, 1 / 32)])
def test_fewer_than_six_rows_decide_nothing_however_they_fall(n, p):
    """A fair coin falls n times alike with probability 2 / 2ⁿ."""
    for gain in (1.0, 0.4):  # as shares, and as scores
        found = paired_difference(np.zeros(n), np.full(n, gain))
        assert found.p_value == pytest.approx(p)
        assert ("too close to call" in found.sentence) == (p >= 0.05)


def test_one_row_and_equal_models_are_too_close_to_call():
    one = paired_difference(np.array([0.2]), np.array([0.9]))
    assert (one.interval, one.p_value) == (None, 1)
    assert "too close to call with n = 1" in one.sentence
    same = paired_difference(np.array([0.2, 0.3]), np.array([0.2, 0.3]))
    assert (same.difference, same.p_value) == (0, 1)
    assert "too close to call with n = 2" in same.sentence


@pytest.mark.parametrize("name", ["bleu", "chrf", "rougeL", "exact_match"])
def test_a_model_compared_with_itself_does_not_differ_by_any_metric(name):
    answers, references = ["the cat sat", "a dog", "one two three four"], ["the cat", "a dog", "no"]
    found = paired_texts(name, answers, answers, references)
    assert (found.difference, found.gained, found.lost, found.p_value) == (0, 0, 0, 1)


def test_corpus_bleu_is_compared_as_a_whole_with_the_same_rows_drawn_for_both():
    """Against a thousand scorings by sacreBLEU of freshly drawn rows."""
    from sacrebleu.metrics import BLEU

    draw, vocabulary = (
        np.random.default_rng(2),
        ["the", "a", "cat", "dog", "sat", "ate", "on", "mat"],
    )
    references = [" ".join(draw.choice(vocabulary, 8)) for _ in range(30)]
    first = [_muddled(r, 3, draw, vocabulary) for r in references]
    second = [_muddled(r, 1, draw, vocabulary) for r in references]
    bleu = BLEU(force=True)
    found = paired_texts("bleu", first, second, references)
    whole = [bleu.corpus_score(answers, [references]).score for answers in (first, second)]
    assert found.difference == pytest.approx(whole[1] - whole[0])
    drawn = []
    for _ in range(300):
        rows = draw.integers(30, size=30)
        wanted = [[references[i] for i in rows]]
        drawn.append(
            bleu.corpus_score([second[i] for i in rows], wanted).score
            - bleu.corpus_score([first[i] for i in rows], wanted).score
        )
    assert found.interval == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=6)
    assert found.p_value < 0.01


def _muddled(text, n, draw, vocabulary):
    words = text.split()
    for at in draw.choice(len(words), n, replace=False):
        words[at] = draw.choice(vocabulary)
    return " ".join(words)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: paired_difference([1.0], [1.0, 2.0]), DataError, "got 1 and 2"),
        (lambda: paired_difference([], []), DataError, "got 0 and 0"),
        (lambda: paired_difference([1.0, 2.0], [1.0, math.nan]), DataError, "row 2 has none"),
        (lambda: paired_texts("blue", ["a"], ["a"], ["a"]), SpecError, "got 'blue'"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
