"""The learning-rate range test: a valley with a known answer, a tiny model, the curve's reading."""

import math
from itertools import pairwise

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, rows, run, spec

from labkit.training import find_lr
from labkit.training.range_test import STEPS
from labkit.training.rates import LOWEST, SAFETY, averaged, judged, rate_at

STEP = (1 / LOWEST) ** (1 / (STEPS - 1))
"""Factor between the rates of two steps."""


def test_rates_grow_by_the_same_factor_from_a_millionth_to_one():
    rates = [rate_at(step, STEPS) for step in range(STEPS)]
    assert (rates[0], rates[-1]) == (1e-6, pytest.approx(1.0))
    assert {round(b / a, 9) for a, b in pairwise(rates)} == {round(STEP, 9)}


@pytest.mark.parametrize("curvature", [20.0, 200.0, 5000.0])
def test_on_a_quadratic_the_suggestion_is_a_third_of_where_descent_begins_to_climb(curvature):
    """Gradient descent on h x² / 2 takes x to (1 - rate h) x: it climbs from rate 2 / h on."""
    x, losses, rates = 1.0, [], []
    for step in range(STEPS):
        rates.append(rate_at(step, STEPS))
        losses.append(0.5 + curvature * x * x / 2)
        if losses[-1] > 4 * min(losses):
            break
        x -= rates[-1] * curvature * x
    found = judged(rates, losses, exploded=True)
    assert 2 / curvature / STEP**4 <= found.lowest_at <= 2 / curvature * STEP**2
    assert found.suggested == found.lowest_at / SAFETY
    assert found.steepest < found.lowest_at
    assert found.diverged_at == rates[-1] > 2 / curvature


def test_where_no_rate_lowers_the_loss_none_is_suggested():
    rates = [rate_at(step, STEPS) for step in range(STEPS)]
    assert judged(rates, [2.0] * STEPS, exploded=False).suggested is None
    rising = [2.0 + step for step in range(STEPS)]
    assert judged(rates, rising, exploded=True).suggested is None


def test_a_mean_over_neighbours_shifts_nothing():
    assert averaged([5, 3, 1, 3, 5]) == [5, 3, 3.4, 3, 5]
    assert averaged([1, 2, 3]) == [1, 2, 3]


def test_a_loss_that_is_no_number_any_more_is_left_out():
    found = judged([1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.0, 1.5, math.nan], exploded=True)
    assert (found.lowest_at, found.diverged_at) == (1e-2, 1.0)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A range test on a tiny model: what it found, its events and its folder."""
    events, folder = Events(), tmp_path_factory.mktemp("range")
    found = find_lr(
        tiny_model(), None, rows(22), spec(max_steps=None), output_dir=folder, emit=events
    )
    return found, events.of("lr_probe"), folder


def test_a_test_ends_where_the_loss_explodes_or_at_the_highest_rate(tested):
    found, probes, _ = tested
    assert [probe["step"] for probe in probes] == list(range(1, len(probes) + 1))
    assert [probe["learning_rate"] for probe in probes] == pytest.approx(
        [rate_at(step, STEPS) for step in range(len(probes))]
    )
    assert probes[0]["smoothed"] == pytest.approx(probes[0]["loss"])
    lowest = min(probe["smoothed"] for probe in probes)
    assert all(probe["smoothed"] <= 4 * lowest for probe in probes[:-1])
    assert (found.diverged_at is not None) == (probes[-1]["smoothed"] > 4 * lowest)


def test_nothing_that_was_learned_is_kept(tested):
    assert {path.name for path in tested[2].iterdir()} == {"how.json"}


@pytest.mark.process
def test_training_with_the_suggestion_ends_below_training_with_a_thirtieth_of_it(tested, tmp_path):
    def last(rate):
        name = f"{rate:.0e}"
        _, events = run(tmp_path / name, learning_rate=rate, max_steps=24)
        return sum(event["loss"] for event in events.of("step")[-4:]) / 4

    assert last(tested[0].suggested) < last(tested[0].suggested / 30) - 0.1


def test_a_test_that_is_asked_to_stop_finds_nothing(tmp_path):
    events = Events()
    found = find_lr(
        tiny_model(), None, rows(8), spec(), output_dir=tmp_path, emit=events,
        should_stop=lambda: len(events.of("lr_probe")) == 3,
    )  # fmt: skip
    assert found is None
    assert len(events.of("lr_probe")) == 3


def test_the_test_does_not_depend_on_the_learning_rate_of_the_spec(tmp_path):
    probes = []
    for rate in (1e-4, 1e-2):
        torch.manual_seed(int(1 / rate))
        events = Events()
        settings = spec(learning_rate=rate, max_steps=8, lr_scheduler_type="linear")
        find_lr(tiny_model(), None, rows(22), settings, output_dir=tmp_path, emit=events)
        probes.append([probe["loss"] for probe in events.of("lr_probe")])
    assert probes[0] == probes[1]
    assert len(probes[0]) == 8
