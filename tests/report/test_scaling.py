"""Scaling on paper: the arithmetic by hand, and a run's own numbers."""

import pytest
import report_samples as samples

import labkit
from labkit.errors import RunError, SpecError
from labkit.report.scaling import Step, limit_bits, sending_seconds, speedup


def test_two_nodes_send_their_gradients_once_and_many_twice():
    step = Step(seconds=2.0, bytes=1e9)
    assert sending_seconds(step, 1, 8e9) == 0
    assert sending_seconds(step, 2, 8e9) == 1.0
    assert sending_seconds(step, 1000, 8e9) == pytest.approx(2.0, rel=2e-3)


def test_at_the_limit_half_of_a_step_is_spent_sending():
    step = Step(seconds=2.0, bytes=1e9)
    assert speedup(step, 8, limit_bits(step, 8)) == pytest.approx(4)
    assert speedup(step, 1, 1.0) == 1


def test_a_runs_step_grows_with_the_model_and_all_weights_cost_half_as_much_again(workplace):
    run = samples.going(workplace / "runs")  # 0.5 s a step, 139 399 488 parameters
    (_, ours), (_, whole) = labkit.scaling(run).scaling.steps
    assert ours.seconds == pytest.approx(0.5 * 1e9 / 139_399_488)
    assert ours.bytes == pytest.approx(4e9 * 4_884_480 / 139_399_488)
    assert whole.bytes == 4e9
    assert whole.seconds / ours.seconds == pytest.approx(1.5, abs=0.03)


def test_magic_and_function_say_the_same_and_the_picture_says_it_in_words(workplace, shell):
    run = samples.going(workplace / "runs")
    shown = labkit.scaling(run, nodes=(1, 64), gbits=100.0)
    assert repr(shell.run_line_magic("scaling", "tone --nodes 1,64 --gbits 100")) == repr(shown)
    assert "64 nodes at 100 Gbit/s: as the run:" in repr(shown)
    assert "<img" in shown._repr_html_()


def test_what_cannot_be_calculated_is_said(workplace):
    run = samples.going(workplace / "runs", steps=0)
    with pytest.raises(RunError, match="has taken no steps"):
        labkit.scaling(run)
    with pytest.raises(SpecError, match="gbits must be above 0; got 0"):
        labkit.scaling(run, gbits=0)
