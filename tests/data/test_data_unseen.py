"""Rows that a run did not come with: rendered by its templates, checked against its labels."""

import json

import pytest

from labkit.data import load, load_unseen, trained_on
from labkit.errors import DataError
from labkit.spec import FinetuneSpec

LABELS = ("animal", "number")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def spec(tmp_path):
    rows = [{"text": f"{lead} {word}", "kind": kind} for lead in ("a", "the", "my", "our")
            for word, kind in (("cat", "animal"), ("two", "number"))]  # fmt: skip
    return FinetuneSpec(
        data=write(tmp_path / "own.jsonl", rows), text_template="word: {text}\nkind: {kind}"
    )


def test_rows_of_another_file_read_as_the_runs_own(spec, tmp_path):
    data = write(tmp_path / "more.jsonl", [{"kind": "animal", "text": "her dog", "x": 1}])
    found = load_unseen(spec, data, None, LABELS)
    assert [(one.prompt, one.completion, one.label) for one in found.examples] == [
        ("word: her dog\nkind:", " animal", "animal")
    ]
    assert found.split == "train"


def test_the_template_of_the_runs_data_set_holds_for_other_data(tmp_path):
    data = write(tmp_path / "more.jsonl", [{"phrase": "Oh no!", "tone": "fear"}])
    own = load(FinetuneSpec(data="phrases"))
    found = load_unseen(FinetuneSpec(data="phrases"), data, None, own.labels)
    assert found.examples[0].prompt.endswith(own.test[0].prompt[-10:])
    assert "Oh no!" in found.examples[0].prompt


@pytest.mark.parametrize("answer", ["chosen", "completion"])
def test_a_run_on_pairs_is_measured_on_rows_without_a_rejected_completion(tmp_path, answer):
    data = write(tmp_path / "more.jsonl", [{"prompt": "a cat is", answer: "animal"}])
    (one,) = load_unseen(FinetuneSpec(data="pairs.jsonl", loss="dpo"), data, None).examples
    assert (one.prompt, one.completion, one.rejected) == ("a cat is", "animal", None)


def test_the_test_rows_of_a_folder_come_first_then_validation(spec, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        write(folder / f"{split}.jsonl", [{"text": split, "kind": "animal"}])
    assert load_unseen(spec, str(folder), None, LABELS).examples[0].prompt == "word: test\nkind:"
    (folder / "test.jsonl").unlink()
    assert load_unseen(spec, str(folder), None, LABELS).split == "validation"
    assert load_unseen(spec, str(folder), "train", LABELS).split == "train"


def test_a_label_that_the_run_does_not_know_is_named_with_its_row(spec, tmp_path):
    rows = [{"text": "x", "kind": "animal"}, {"text": "y", "kind": "nmber"}]
    data = write(tmp_path / "more.jsonl", rows)
    with pytest.raises(DataError, match="'nmber' in row 2 is none of the run's labels") as error:
        load_unseen(spec, data, None, LABELS)
    assert "Did you mean 'number'?" in error.value.hint


def test_rows_that_were_trained_on_are_counted(spec):
    splits = load(spec)
    assert trained_on(splits.train, splits.train) == len(splits.train)
    assert trained_on(splits.validation, splits.train) == 0
