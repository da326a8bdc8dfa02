"""Session settings are found by measurement, and kept only where they win by more than noise."""

import json
import shutil

import pytest

from labkit.export.candidates import (
    Candidate,
    alternatives,
    answer_seconds,
    gain,
    judged,
    refuse_other_tokens,
    together,
)
from labkit.export.pick import pick
from labkit.export.tune import tune, write_settings
from labkit.runtime import OnnxModel
from labkit.runtime.folder import section
from labkit.runtime.session import Settings


def measured(*seconds, tokens=(1, 2), **settings):
    """Return a candidate whose first token took these seconds, and the others no time."""
    rounds = {
        number: {"first_token_seconds": one, "token_seconds": 0.0, "tokens": list(tokens)}
        for number, one in enumerate(seconds)
    }
    return Candidate(Settings(**settings), rounds)


def test_an_answer_is_the_first_token_and_thirty_one_more():
    assert answer_seconds({"first_token_seconds": 0.38, "token_seconds": 0.02}) == pytest.approx(1)


def test_every_alternative_differs_in_one_setting():
    found = [one.as_json() for one in alternatives(2)]
    assert all(len(one) == 1 for one in found)
    threads = [one["intra_op_num_threads"] for one in found if "intra_op_num_threads" in one]
    assert threads == [1, 2]
    assert {"allow_spinning": False} in found
    assert {"inter_op_num_threads": 2} in found


def test_many_processors_are_tried_by_halves():
    found = [one.intra_op_num_threads for one in alternatives(12)]
    assert [n for n in found if n] == [1, 2, 3, 4, 6, 12]


def test_a_gain_is_the_share_of_the_usual_seconds():
    # Saved: 0.9, 1.0, 1.1 of 10 s each; mean 1, standard error 0.1 / sqrt(3) = 0.058.
    usual, other = measured(10, 10, 10), measured(9.1, 9.0, 8.9)
    assert gain(usual, other) == pytest.approx(0.1)


def test_noise_is_no_gain():
    # Saved: 0.1, 0.1, 2.8; mean 1, standard deviation 1.559, two standard errors 1.8.
    assert gain(measured(10, 10, 10), measured(9.9, 9.9, 7.2)) == 0


def test_one_slower_round_is_no_gain():
    assert gain(measured(10, 10, 10, 10), measured(8, 8, 8, 10.5)) == 0


def test_less_than_two_percent_is_no_gain():
    assert gain(measured(10, 10, 10), measured(9.81, 9.82, 9.83)) == 0


def test_two_rounds_are_too_few():
    assert gain(measured(10, 10), measured(5, 5)) == 0


def test_rounds_are_compared_with_those_beside_them():
    # A busy machine slows both in the third round; each round by itself saves a tenth.
    assert gain(measured(10, 10, 30), measured(9, 9, 27)) == pytest.approx(0.1, abs=0.001)


def test_the_winner_saves_most():
    usual = measured(10, 10, 10)
    good = measured(9, 9, 9, allow_spinning=False)
    best = measured(7, 7, 7, intra_op_num_threads=1)
    winner, reason = judged(usual, [good, best])
    assert winner is best
    assert reason == "An answer takes 30.0% less than with the usual settings."


def test_the_usual_settings_stay_where_nothing_wins():
    usual = measured(10, 10, 10)
    winner, reason = judged(usual, [measured(10.1, 9.9, 10, allow_spinning=False)])
    assert winner is usual
    assert reason == "No settings were quicker by more than the noise: the usual ones stay."


def test_too_little_time_is_said():
    winner, reason = judged(measured(10, 10), [measured(1, 1)])
    assert winner.settings == Settings()
    assert reason == "There was time for 2 of 3 rounds: the usual settings stay."


def test_settings_that_change_the_answer_cannot_win():
    usual, other = measured(10, 10, 10), measured(1, 1, 1, tokens=(1, 3), allow_spinning=False)
    refuse_other_tokens(other, usual)
    assert other.as_json()["refused"] == "Its tokens are others."
    assert judged(usual, [other])[0] is usual


def test_what_was_quicker_alone_is_tried_together():
    rivals = [
        measured(9, intra_op_num_threads=2),
        measured(8, intra_op_num_threads=1),
        measured(9.5, allow_spinning=False),
        measured(11, enable_mem_pattern=False),
    ]
    found = together(measured(10), rivals)
    assert found == [Settings(intra_op_num_threads=1, allow_spinning=False)]


def test_one_quicker_setting_needs_no_other_candidate():
    assert together(measured(10), [measured(9, allow_spinning=False), measured(12)]) == []


def test_settings_are_written_for_both_runtimes_and_taken_back(tmp_path):
    config = {"model": {"decoder": {"session_options": {"log_id": "x"}}}}
    (tmp_path / "genai_config.json").write_text(json.dumps(config))
    write_settings(tmp_path, Settings(graph_optimization_level="basic", allow_spinning=False))

    def options():
        found = json.loads((tmp_path / "genai_config.json").read_text())
        return found["model"]["decoder"]["session_options"]

    assert options() == {
        "log_id": "x",
        "graph_optimization_level": "ORT_ENABLE_BASIC",
        "session.intra_op.allow_spinning": "0",
    }
    assert section(tmp_path, "session") == {
        "graph_optimization_level": "basic",
        "allow_spinning": False,
    }
    write_settings(tmp_path, Settings())
    assert (options(), section(tmp_path, "session")) == ({"log_id": "x"}, {})


@pytest.mark.process
def test_tuning_leaves_a_model_that_answers_the_same(tiny_fp32, tiny_onnx, tmp_path, rows):
    folder, events = shutil.copytree(tiny_fp32, tmp_path / "fp32"), []
    found = tune(folder, 5, lambda kind, **facts: events.append((kind, facts)))
    assert found["winner"] == section(folder, "session")
    assert found["candidates"][0]["answer_seconds"] > 0
    assert found["reason"]
    assert {kind for kind, _ in events} == {"tune"}
    assert len(events) == sum(one["rounds"] for one in found["candidates"])
    assert not any(one.get("refused") for one in found["candidates"])
    assert OnnxModel(folder).generate(rows[0], 16) == tiny_onnx.generate(rows[0], 16)


@pytest.mark.process
def test_without_time_the_usual_settings_are_measured_and_stay(tiny_fp32, tmp_path):
    folder = shutil.copytree(tiny_fp32, tmp_path / "fp32")
    found = tune(folder, 0, lambda kind, **facts: None)
    assert [one["settings"] for one in found["candidates"]] == [{}]
    assert found["winner"] == {}


def test_with_the_processor_alone_there_is_nothing_to_pick(tmp_path):
    found = pick(tmp_path, lambda kind, **facts: None, log=tmp_path / "log.txt")
    assert found == {
        "target": "cpu",
        "measured": {},
        "reason": "Only the target cpu is installed.",
    }
