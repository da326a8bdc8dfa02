"""The next token: expectations worked by hand, and those of Transformers' own filters."""

import math

import numpy as np
import pytest

from labkit.errors import SpecError
from labkit.runtime import Sampling

LOGITS = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))
"""Four tokens whose probabilities are the numbers above."""


def test_without_a_temperature_the_likeliest_token_is_taken_the_first_of_equals():
    assert Sampling().picker()(LOGITS) == 1
    assert Sampling(top_k=2, top_p=0.1).picker()(np.array([3.0, 7.0, 7.0])) == 1


@pytest.mark.parametrize(
    ("how", "chances"),
    [
        (Sampling(1.0), [0.1, 0.4, 0.2, 0.3]),
        # Squared and divided by their sum: 0.01 + 0.16 + 0.04 + 0.09 = 0.3.
        (Sampling(0.5), [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        (Sampling(1.0, top_k=2), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(1.0, top_k=9), [0.1, 0.4, 0.2, 0.3]),
        # 0.4 + 0.3 are not yet 0.75; with 0.2 they are.
        (Sampling(1.0, top_p=0.75), [0, 4 / 9, 2 / 9, 3 / 9]),
        (Sampling(1.0, top_p=0.65), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(1.0, top_p=1e-9), [0, 1, 0, 0]),
        # Of the three likeliest, renormalised to 4/9, 3/9 and 2/9, two have 7/9 = 0.78.
        (Sampling(1.0, top_k=3, top_p=0.77), [0, 4 / 7, 0, 3 / 7]),
        # The temperature comes first: 16/30 + 9/30 = 0.83, where 0.4 + 0.3 are 0.7.
        (Sampling(0.5, top_p=0.8), [0, 16 / 25, 0, 9 / 25]),
    ],
)
def test_temperature_then_top_k_then_top_p_leave_these_probabilities(how, chances):
    np.testing.assert_allclose(how.chances(LOGITS), chances, atol=1e-6)


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(0.7, 5, 0.8), (1.3, 40, 0.95)])
def test_the_probabilities_are_those_of_the_filters_of_transformers(temperature, top_k, top_p):
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = np.random.default_rng(1).normal(size=(20, 60)).astype(np.float32) * 3
    wanted = torch.tensor(logits, dtype=torch.float64)
    for warper in (
        TemperatureLogitsWarper(temperature),
        TopKLogitsWarper(top_k),
        TopPLogitsWarper(top_p),
    ):
        wanted = warper(None, wanted)
    how = Sampling(temperature, top_k, top_p)
    found = np.array([how.chances(row) for row in logits])
    np.testing.assert_allclose(found, wanted.softmax(-1), atol=1e-9)


def test_tokens_are_drawn_as_often_as_their_probabilities_say():
    pick = Sampling(1.0, top_k=2, seed=0).picker()
    drawn = np.array([pick(LOGITS) for _ in range(4000)])
    assert set(drawn) == {1, 3}
    assert (drawn == 1).mean() == pytest.approx(4 / 7, abs=4 * math.sqrt(4 / 7 * 3 / 7 / 4000))


def test_a_seed_repeats_the_drawing_and_another_one_does_not():
    def draws(seed):
        pick = Sampling(1.0, seed=seed).picker()
        return [pick(LOGITS) for _ in range(40)]

    assert draws(3) == draws(3) != draws(4)


def test_logits_far_apart_and_a_tiny_temperature_give_numbers():
    found = Sampling(1e-5, top_p=0.9).chances(np.array([-3e38, 0.0, 3e38], np.float32))
    np.testing.assert_array_equal(found, [0, 0, 1])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"temperature": -1}, "temperature must be 0 or more; got -1."),
        ({"temperature": math.inf}, "temperature must be 0 or more; got inf."),
        ({"temperature": math.nan}, "temperature must be 0 or more; got nan."),
        ({"top_k": 0}, "top_k must be at least 1 token; got 0."),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1; got 0.0."),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1; got 1.1."),
    ],
)
def test_a_setting_beyond_its_rule_is_refused(settings, problem):
    with pytest.raises(SpecError) as caught:
        Sampling(**settings)
    assert caught.value.problem == problem
