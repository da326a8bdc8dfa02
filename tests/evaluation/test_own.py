import math

import numpy as np
import pytest

from labkit.errors import DataError, LabError, SpecError
from labkit.evaluation import own_metric, own_row_scores, picks

ANSWERS = ["a refund of 10", "no refund", "a refund of 30", "sorry"]
REFERENCES = ["10", "0", "20", "5"]


def names_the_sum(answer, reference):
    return float(reference in answer)


def test_a_function_of_a_row_gets_a_mean_and_an_interval():
    found = own_metric(names_the_sum, ANSWERS, REFERENCES, seed=1)
    assert (found.value, found.n, found.higher_is_better) == (0.25, 4, True)
    assert found.interval == (0, 0.75)  # 4 draws at 1 in 4: P(4 hits) = 0.004, P(3 or 4) = 0.05
    assert found.about == "mean of names_the_sum"


def test_a_function_of_all_rows_gets_no_interval():
    def distinct(answers, references):
        return len(set(answers)) / len(references)

    found = own_metric(distinct, ["a", "a", "b", "c"], REFERENCES)
    assert (found.value, found.interval) == (0.75, None)
    assert "all rows" in found.about


def test_a_third_parameter_is_the_prompt_and_defaults_are_left_alone():
    def repeats(answer, reference, prompt, weight=2):
        return weight * (prompt in answer)

    found = own_metric(repeats, ["ab", "c"], ["", ""], ["a", "a"], higher_is_better=False)
    assert (found.value, found.higher_is_better) == (1.0, False)
    with pytest.raises(DataError, match="got 2, 2, 0"):
        own_metric(repeats, ["ab", "c"], ["", ""])


def test_rows_are_scored_for_paired_tests():
    assert own_row_scores(names_the_sum, ANSWERS, REFERENCES).tolist() == [1, 0, 0, 0]
    with pytest.raises(SpecError, match="a number for each row"):
        own_row_scores(lambda answers, references: 1, ANSWERS, REFERENCES)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a, r: 1 / (a != "sorry"), "on row 4 it gave ZeroDivisionError: division by zero"),
        (lambda a, r: math.nan if a == "no refund" else 1, "on row 2 it gave nan"),
        (lambda a, r: "1", "on row 1 it gave '1'"),
        (lambda a, r: None, "on row 1 it gave TypeError"),
        (lambda answers, references: math.inf, "on all rows it gave inf"),
    ],
)
def test_a_function_that_gives_no_number_is_named_with_its_row(function, words):
    with pytest.raises(LabError, match=words) as caught:
        own_metric(function, ANSWERS, REFERENCES)
    assert "by itself" in caught.value.hint


def test_a_function_of_other_things_is_refused():
    with pytest.raises(SpecError, match=r"takes \(answer\)"):
        own_metric(lambda answer: 1, ANSWERS, REFERENCES)
    with pytest.raises(DataError, match="got 4, 3"):
        own_metric(names_the_sum, ANSWERS, REFERENCES[:3])


SCORES = np.array([0.2, 0.9, 0.5, 0.9, 0.1, 0.6, 0.7])


def test_best_and_worst_come_most_extreme_first_ties_in_row_order():
    found = picks(SCORES, 3, seed=0)
    assert found["best"] == [1, 3, 6]
    assert found["worst"] == [4, 0, 2]
    assert picks(SCORES, 2, higher_is_better=False)["best"] == [4, 0]


def test_random_rows_repeat_with_a_seed_and_cover_all_rows():
    drawn = [picks(SCORES, 3, seed)["random"] for seed in range(60)]
    assert drawn[7] == picks(SCORES, 3, 7)["random"]
    assert all(len(set(rows)) == 3 and rows == sorted(rows) for rows in drawn)
    assert set().union(*drawn) == set(range(7))


def test_of_few_rows_none_is_best_and_worst_at_once():
    found = picks([0.5, 0.1, 0.9], 5)
    assert (found["best"], found["worst"], found["random"]) == ([2, 0], [1], [0, 1, 2])
    assert picks([], 5) == {"best": [], "worst": [], "random": []}
