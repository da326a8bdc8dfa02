"""What a search may be asked: the course module's form, a plain one, and what is refused."""

import pytest

from labkit.cli import parser
from labkit.errors import SpecError
from labkit.flags import read_settings, settings_of, sweep_settings_of
from labkit.notebook.cells import read_cell, split_line
from labkit.options import MAGICS
from labkit.spec import FinetuneSpec, SweepSpec

MODULE = """
search_strategy:
  type: "random"
  num_trials: 20

search_space:
  learning_rate:
    type: "float"
    low: 1e-6
    high: 1e-3
    log: true

  lora_r:
    type: "int"
    low: 8
    high: 64

  batch_size:
    type: "choice"
    values: [8, 16, 32]
"""
PLAIN = """
sampler: random
n_trials: 20
search_space:
  learning_rate: {low: 1e-6, high: 1e-3, log: true}
  r: {low: 8, high: 64}
  batch_size: [8, 16, 32]
"""


def spec(text, **settings):
    return SweepSpec.from_yaml(text, **settings)


def test_the_modules_form_and_the_plain_one_are_the_same_search():
    assert spec(MODULE) == spec(PLAIN)
    assert spec(PLAIN).sampler == "random"
    assert spec(PLAIN).total == 20


@pytest.mark.parametrize("changed_only", [False, True])
def test_a_search_is_written_as_yaml_that_gives_it_back(changed_only):
    asked = spec(PLAIN, data="phrases", max_steps=40, timeout="15m", target_modules=["q_proj"])
    assert SweepSpec.from_yaml(asked.to_yaml(changed_only=changed_only)) == asked


def test_a_cell_a_file_with_flags_and_flags_alone_ask_for_the_same(tmp_path):
    file = tmp_path / "sweep.yaml"
    file.write_text(PLAIN)
    args = parser().parse_args(["sweep", str(file), "--max-steps", "40", "--timeout", "15m"])
    command = SweepSpec.from_mapping(read_settings(args.file) | sweep_settings_of(args))
    line = MAGICS["sweep"]().parse_args(split_line("tones --n-trials 20"))
    body = read_cell(PLAIN + "max_steps: 40\ntimeout: 15m\n", {})
    cell = SweepSpec.from_mapping(body | settings_of(line, SweepSpec))
    assert line.name == "tones"
    assert command == cell
    assert command.base == FinetuneSpec(max_steps=40, n_samples=0)


def test_a_trial_is_the_fine_tuning_of_its_values():
    asked = spec(PLAIN, data="rows.jsonl", max_steps=40)
    drawn = {"learning_rate": 2e-4, "r": 12, "batch_size": 16}
    assert asked.trial(drawn) == FinetuneSpec(
        data="rows.jsonl", max_steps=40, n_samples=0, learning_rate=2e-4, r=12, batch_size=16
    )
    assert asked.base == FinetuneSpec(data="rows.jsonl", max_steps=40, n_samples=0)


def test_what_a_drawn_method_does_not_take_is_left_out():
    asked = spec("search_space: {method: [lora, full], r: [4, 8]}", lora_alpha=8)
    assert asked.trial({"method": "full", "r": 4}) == FinetuneSpec(method="full", n_samples=0)
    assert asked.trial({"method": "lora", "r": 4}).lora_alpha == 8


def test_a_value_that_needs_another_searched_one_is_no_mistake():
    text = "search_space: {num_cycles: [2, 4], lr_scheduler_type: [linear, cosine_with_restarts]}"
    with pytest.raises(SpecError, match="num_cycles goes with lr_scheduler_type"):
        spec(text)  # linear goes with no number of cycles that could be drawn
    spec("search_space: {batch_size: [6, 8], gradient_accumulation_steps: [3, 4]}")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), (900, 900)])
def test_a_time_is_written_with_its_unit_or_in_seconds(text, seconds):
    assert spec(PLAIN, timeout=text).seconds == seconds


def test_a_grid_takes_every_combination():
    text = "sampler: grid\nsearch_space: {r: {low: 4, high: 16, step: 4}, lora_alpha: [8, 16, 32]}"
    assert spec(text).total == 4 * 3
    assert spec(text, n_trials=5).total == 5
    assert spec(text).space["r"].points == (4, 8, 12, 16)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n_trials: 3", "search_space is missing"),
        ("search_space: {}", "search_space is empty"),
        (
            "search_space: {learning_rte: [1e-3]}",
            "there is no setting 'learning_rte'.*'learning_rate'",
        ),
        ("search_space: {data: [a, b]}", "judged on the same rows"),
        ("search_space: {r: 8}", "r must be a list of values, or low and high; got 8"),
        ("search_space: {r: {low: 8}}", "r must be given low and high"),
        ("search_space: {r: {low: 8, hihg: 9}}", "takes no 'hihg'.*'high'"),
        ("search_space: {r: {low: 9, high: 8}}", "low is below its high; got '9 to 8'"),
        ("search_space: {r: {low: 1.5, high: 8}}", "whole numbers; got 1.5"),
        ("search_space: {r: {type: flat, low: 1, high: 8}}", "of type float, int, choice"),
        ("search_space: {learning_rate: {low: 0, high: 1, log: true}}", "above 0"),
        ("search_space: {r: [8, 8]}", "different values"),
        ("search_space: {r: [8, 5000]}", "r must be from 1 to 1024 .*; got 5000"),
        ("search_space: {r: [8]}\nr: 4", "r is searched and set; got 4"),
        ("search_space: {r: [8]}\nmethod: full", "The method full has no setting r"),
        ("search_space: {r: [8]}\nn_trails: 3", "no setting 'n_trails'.*'n_trials'"),
        ("search_space: {loss: [focal, cross_entropy]}", "loss changes what the validation loss"),
        (
            "search_space: {r: [8]}\nloss: mine",
            "A search takes cross_entropy, .*got the loss 'mine'",
        ),
        ("search_space: {r: [8]}\ntimeout: soon", "timeout must be a time"),
        ("search_space: {r: [8]}\nsearch_strategy: {type: grid, trials: 3}", "type and num_trials"),
        ("search_space: {r: {low: 8, high: 9}}\nsampler: grid", "a step for r; got 8 to 9"),
    ],
)
def test_a_wrong_search_is_refused_with_the_rule_and_the_value(text, said):
    with pytest.raises(SpecError, match=f"(?s){said}"):
        spec(text)
