"""When completions are labels, and what is wrong with some."""

import json

import pytest

from labkit.data import load
from labkit.errors import DataError
from labkit.spec import FinetuneSpec


def loaded(tmp_path, rows, **settings):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if "prompt" not in rows[0]:
        settings = {"text_template": "{q}: {a}", **settings}
    return load(FinetuneSpec(data=str(path), **settings))


def rows_with(labels, n=40):
    return [{"q": f"q{i}", "a": labels[i % len(labels)]} for i in range(n)]


@pytest.mark.parametrize(
    ("labels", "n", "task"),
    [
        (["yes", "no"], 8, "classification"),
        (["yes", "no"], 7, "generation"),
        ([str(i) for i in range(50)], 200, "classification"),
        ([str(i) for i in range(51)], 204, "generation"),
        (["yes"], 40, "generation"),
        (["x" * 60, "no"], 40, "classification"),
        (["x" * 61, "no"], 40, "generation"),
    ],
)
def test_few_short_repeated_completions_are_labels(tmp_path, labels, n, task):
    assert loaded(tmp_path, rows_with(labels, n)).task == task


def test_a_completion_with_fixed_text_is_not_taken_for_a_label(tmp_path):
    splits = loaded(tmp_path, rows_with(["yes", "no"]), text_template="{q}: {a}!")
    assert (splits.task, splits.labels) == ("generation", ())
    assert all(example.label is None for example in splits.train)


def test_completions_that_are_all_json_objects_are_extracted(tmp_path):
    rows = [{"q": f"q{i}", "a": json.dumps({"n": i})} for i in range(20)]
    assert loaded(tmp_path, rows).task == "extraction"
    rows[7]["a"] = "[7]"
    assert loaded(tmp_path, rows).task == "generation"


def test_a_data_set_brings_its_own_task_for_its_own_completion():
    own = FinetuneSpec(data="phrases", text_template="{phrase} Feeling: {tone}.")
    assert load(own).task == "classification"
    other = FinetuneSpec(data="phrases", text_template="Say again: {phrase} Again: {phrase}")
    assert load(other).task == "generation"
    assert load(FinetuneSpec(data="phrases", task="generation")).task == "generation"


def test_labels_are_sorted_and_split_in_proportion(tmp_path):
    splits = loaded(tmp_path, rows_with(["pos", "neg", "pos", "pos"], 80))
    assert splits.labels == ("neg", "pos")
    assert sorted(example.label for example in splits.validation) == ["neg"] * 3 + ["pos"] * 9
    assert {example.completion for example in splits.train} == {" neg", " pos"}


def test_whole_numbers_are_labels(tmp_path):
    assert loaded(tmp_path, rows_with([0, 1, 2])).labels == ("0", "1", "2")


def test_blanks_around_labels_are_made_the_same_and_counted(tmp_path):
    rows = [{"prompt": f"q{i}:", "completion": [" yes", " no"][i % 2]} for i in range(40)]
    rows[3]["completion"] = "no "
    splits = loaded(tmp_path, rows)
    assert {example.completion for example in splits.train} == {" yes", " no"}
    assert "Blanks around the label were made the same in 1 rows." in splits.notes


def test_a_chat_can_be_classified(tmp_path):
    rows = [
        {
            "prompt": None,
            "messages": [
                {"role": "user", "content": f"q{i}"},
                {"role": "assistant", "content": ["yes", "no"][i % 2]},
            ],
        }
        for i in range(20)
    ]
    splits = loaded(tmp_path, rows, task="classification")
    assert splits.labels == ("no", "yes")
    assert splits.train[0].messages is not None


def refusal(tmp_path, rows, **settings):
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, rows, **settings)
    return str(caught.value)


def test_a_label_seen_once_is_named_with_its_row_and_the_near_one(tmp_path):
    rows = rows_with(["joy", "fear"])
    rows[16]["a"] = "jooy"
    said = refusal(tmp_path, rows)
    assert "The label 'jooy' is seen once, in row 17." in said
    assert "Did you mean 'joy'?" in said


def test_one_label_only_is_refused_when_classification_is_asked_for(tmp_path):
    said = refusal(tmp_path, rows_with(["yes"]), task="classification")
    assert "at least two labels; there is only 'yes', in row 1" in said


def test_a_label_that_is_not_trained_on_is_refused(tmp_path):
    rows = [*rows_with(["yes", "no"]), {"q": "new", "a": "maybe"}, {"q": "newer", "a": "yes"}]
    said = refusal(tmp_path, rows, split="train[:40]", eval_split="train[40:]")
    assert "The label 'maybe' in row 41 of validation is in no training row" in said


def test_equal_prompts_with_different_labels_are_said(tmp_path):
    rows = rows_with(["yes", "no"])
    rows[5]["q"] = "q0"
    splits = loaded(tmp_path, rows)
    assert (
        "1 rows have the prompt of an earlier row with another label, such as row 1 (yes) and "
        "row 6 (no)."
    ) in splits.notes
