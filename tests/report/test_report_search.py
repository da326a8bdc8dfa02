"""What a search looks like while it goes on and in the end."""

import pytest
import search_samples as samples

from labkit import report
from labkit.files import locked
from labkit.report.blocks import Picture, Table
from labkit.report.searched import search


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))


def table(run):
    (found,) = [one for one in search(run) if isinstance(one, Table)]
    return found


def test_trials_stand_in_a_table_as_they_come_the_best_marked(tmp_path):
    found = table(samples.going(tmp_path))
    assert found.header[:4] == ("trial", "state", "learning rate", "batch size")
    names = [row[0] for row in found.rows]
    assert names == ["default", "0", "1", "2", "3 ★ best", "4", "5", "6"]
    by_name = {row[0]: row[1:] for row in found.rows}
    assert by_name["3 ★ best"] == ("✓ done", "0.0006", "16", "0.3710", "4", "20.0 s")
    assert by_name["2"] == ("✂ given up", "4e-06", "8", "2.0600", "2", "10.0 s")


def test_a_search_that_goes_on_says_the_best_so_far_and_the_time_left(tmp_path):
    run = samples.going(tmp_path)
    with locked(run.path):
        said = report.text(run)
    assert "best validation loss" in said
    assert "0.3710" in said
    assert "the default's" in said
    assert "6 of 8" in said
    assert "0:34" in said  # two more of 17 s each, the mean of those that ended
    assert "6 of 8 (75 %)" in said


def test_what_is_drawn_says_the_same_in_words(tmp_path):
    pictures = [one for one in search(samples.going(tmp_path)) if isinstance(one, Picture)]
    assert [one.title for one in pictures] == ["Best so far", "Trials", "What matters"]
    assert all(one.draw().startswith(b"<?xml") for one in pictures)
    words = " ".join(one.alt for one in pictures)
    assert "0.3710, of trial 3; the default has 0.4020" in words
    assert "learning rate 0.0006, batch size 16" in words
    assert "good ones of 6 trials, after 2 validations, from others: learning rate 90.0 %" in words


@pytest.mark.parametrize(
    ("p_value", "difference", "said"),
    [
        (0.01, 0.1, "The best trial is better than the default, by more than chance"),
        (0.21, 0.1, "It is not shown that the best trial is better than the default"),
        (0.01, -0.1, "It is not shown that the best trial is better than the default"),
    ],
)
def test_the_verdict_is_no_better_than_the_evidence(tmp_path, p_value, difference, said):
    run = samples.done(tmp_path, p_value=p_value, difference=difference)
    text = report.text(run)
    assert said in text
    assert "%optimize find/trials/0003" in text
    assert "chose it too" not in text
    assert run.best.path.name == "0003"


def test_rows_that_chose_the_trial_are_said_to_flatter_it(tmp_path):
    assert "chose it too" in report.text(samples.done(tmp_path, split="validation"))


def test_a_search_by_a_metric_shows_it_beside_the_loss(tmp_path):
    found = table(samples.going(tmp_path, metric_for_best_model="accuracy"))
    assert found.header[4:6] == ("lowest validation loss", "validation accuracy")
    assert [row[0] for row in found.rows if "best" in row[0]] == ["1 ★ best"]  # the highest


def test_of_many_trials_the_best_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr("labkit.report.searched.MOST_ROWS", 3)
    found = table(samples.going(tmp_path))
    assert [row[0] for row in found.rows] == ["3 ★ best", "5", "default"]
    assert found.note == "The best 3 of 8."
