"""Split expressions, the validation share, limits and leaks."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from labkit.data import load
from labkit.data.expressions import pick
from labkit.data.shares import drawn, take_limit, take_share, units_of
from labkit.data.tables import Source, Table
from labkit.errors import DataError, LabError, SpecError
from labkit.spec import FinetuneSpec

NUMBERS = Source(
    {
        "train": [
            Table("a", [{"n": n} for n in range(6)]),
            Table("b", [{"n": n} for n in range(6, 10)]),
        ],
        "validation": [Table("c", [{"n": n} for n in range(10, 13)])],
    }
)


def spec_of(path, **settings):
    return FinetuneSpec(data=str(path), text_template="{q}: {a}", **settings)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def questions(n, **extra):
    return [{"q": f"q{i}", "a": f"answer {i}", **extra} for i in range(n)]


def prompts(examples):
    return {example.prompt for example in examples}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("train", range(10)),
        ("train[:4]", range(4)),
        ("train[4:8]", range(4, 8)),
        ("train[-3:]", range(7, 10)),
        ("train[:-3]", range(7)),
        ("train[10%:50%]", range(1, 5)),
        ("train[-20%:]", range(8, 10)),
        ("train[:36%]", range(4)),
        (" train [ 2 : 4096 ] ", range(2, 10)),
        ("train[8:] + valid", range(8, 13)),
        ("dev[:1]", range(10, 11)),
    ],
)
def test_an_expression_names_rows_as_a_slice_does(expression, expected):
    assert [row.values["n"] for row in pick(NUMBERS, expression, "split")] == list(expected)


def test_a_row_of_a_joined_split_keeps_its_file_and_number():
    assert pick(NUMBERS, "train[7:8]", "split")[0].name == "row 2 of b"


@pytest.mark.parametrize(
    ("expression", "kind", "words"),
    [
        ("train[4096:4224]", DataError, "leaves 0 rows (train has 10, validation has 3)"),
        ("train[5:5]", DataError, "leaves 0 rows"),
        ("trian", DataError, "no split 'trian'; it has train, validation"),
        ("train[4]", SpecError, "must look like train, train[:4096]"),
        ("train[:x]", SpecError, "'train[:x]'"),
        ("", SpecError, "''"),
        ("train+", SpecError, "'train+'"),
    ],
)
def test_an_expression_that_names_nothing_is_refused(expression, kind, words):
    with pytest.raises(kind) as caught:
        pick(NUMBERS, expression, "split")
    assert words in str(caught.value)


def test_rows_that_share_a_key_through_others_stay_together():
    assert sorted(units_of([["a"], ["b"], ["a", "c"], ["d"], ["c", "b"]])) == [[0, 1, 2, 4], [3]]


def test_a_share_takes_each_label_in_proportion_and_leaves_some_of_each():
    labels = ["x"] * 100 + ["y"] * 20 + ["z"] * 2
    chosen = take_share([[i] for i in range(122)], labels, range(122), 0.15)
    assert Counter(labels[i] for i in chosen) == {"x": 15, "y": 3, "z": 1}


def test_a_share_never_takes_all_rows_of_a_label():
    labels = ["x"] * 10 + ["y", "z", "z"]
    units = [[i] for i in range(11)] + [[11, 12]]
    assert {labels[i] for i in take_share(units, labels, range(12), 0.5)} == {"x"}


def test_a_limit_takes_each_label_in_proportion_by_largest_remainder():
    labels = ["x"] * 50 + ["y"] * 35 + ["z"] * 15
    kept = take_limit(labels, range(99, -1, -1), 10)
    assert Counter(labels[i] for i in kept) == {"x": 5, "y": 3, "z": 2}
    assert kept == sorted(kept)


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_rows():
    texts = [f"text {i}" for i in range(50)]
    order = [texts[i] for i in drawn(texts, 0)]
    assert order == [texts[::-1][i] for i in drawn(texts[::-1], 0)]
    assert order != [texts[i] for i in drawn(texts, 1)]


def test_a_share_of_the_training_rows_becomes_validation(tmp_path):
    splits = load(spec_of(write(tmp_path / "a.jsonl", questions(100))))
    assert (len(splits.train), len(splits.validation), splits.test) == (85, 15, ())
    assert splits.held_out == splits.validation
    assert prompts(splits.train) | prompts(splits.validation) == {f"q{i}:" for i in range(100)}
    assert splits.notes == ("15 of 100 rows were put aside for validation (seed 0).",)


def test_a_range_beyond_the_last_row_is_said(tmp_path):
    path = write(tmp_path / "a.jsonl", questions(20))
    splits = load(spec_of(path, split="train[:10]", eval_split="train[10:4096]"))
    assert splits.notes == ("eval_split: train[10:4096] ends after the last row of train, row 20.",)


def test_another_seed_puts_other_rows_aside(tmp_path):
    path = write(tmp_path / "a.jsonl", questions(100))
    first, again, other = (load(spec_of(path, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert prompts(first.validation) != prompts(other.validation)
    assert first.fingerprint != other.fingerprint


def test_the_split_is_the_same_under_any_hash_randomisation(tmp_path):
    path = write(tmp_path / "a.jsonl", questions(60))
    code = (
        "from labkit.data import load; from labkit.spec import FinetuneSpec;"
        f"print(load(FinetuneSpec(data={str(path)!r}, text_template='{{q}}: {{a}}')).fingerprint)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {load(spec_of(path)).fingerprint + "\n"}


def test_equal_prompts_stay_on_one_side_and_repeated_rows_are_counted(tmp_path):
    rows = [{"q": f"q{i % 20}", "a": "same answer"} for i in range(60)]
    splits = load(spec_of(write(tmp_path / "a.jsonl", rows), task="generation"))
    assert not prompts(splits.train) & prompts(splits.validation)
    assert len(splits.train) + len(splits.validation) == 60
    assert "40 rows of train repeat an earlier row and were kept, such as row 21 (as row 1)." in (
        splits.notes
    )


def test_groups_stay_on_one_side(tmp_path):
    rows = [{"q": f"q{i}", "a": f"a{i}", "doc": i // 5} for i in range(100)]
    splits = load(spec_of(write(tmp_path / "a.jsonl", rows), group_by="doc", eval_share=0.2))
    sides = [{(example.row - 1) // 5 for example in s} for s in (splits.train, splits.validation)]
    assert not sides[0] & sides[1]
    assert len(splits.validation) == 20
    assert "whole groups of doc" in splits.notes[0]


@pytest.mark.parametrize(
    ("extra", "settings", "words"),
    [
        ({"doc": "d"}, {"group_by": "dok"}, "group_by names the column 'dok'; the data has q, a"),
        ({"doc": ""}, {"group_by": "doc"}, "'doc' is empty in row 1 of a.jsonl"),
        (
            {"doc": "d"},
            {"group_by": "doc"},
            "No validation rows can be cut from 20 rows in 1 group",
        ),
        ({}, {"eval_split": "train[10:]"}, "overlap: row 11 of a.jsonl is in both"),
        ({}, {"eval_split": "test"}, "eval_split: the data has no split 'test'"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(tmp_path, extra, settings, words):
    path = write(tmp_path / "a.jsonl", questions(20, **extra))
    with pytest.raises(LabError) as caught:
        load(spec_of(path, **settings))
    assert words in str(caught.value)


def folder_of(tmp_path, **splits):
    for name, rows in splits.items():
        write(tmp_path / f"{name}.jsonl", rows)
    return tmp_path


def numbered(start, stop):
    return [{"q": f"q{i}", "a": f"a{i}", "doc": i} for i in range(start, stop)]


def test_the_datas_own_splits_are_used(tmp_path):
    folder = folder_of(tmp_path, train=numbered(0, 9), val=numbered(9, 11), test=numbered(11, 12))
    splits = load(spec_of(folder))
    assert [len(s) for s in (splits.train, splits.validation, splits.test)] == [9, 2, 1]
    assert splits.held_out == splits.test


def test_eval_split_comes_before_the_datas_own(tmp_path):
    folder = folder_of(tmp_path, train=numbered(0, 9), validation=numbered(9, 11))
    splits = load(spec_of(folder, split="train[:6]", eval_split="train[6:]"))
    assert [example.row for example in splits.validation] == [7, 8, 9]


def test_a_validation_split_that_is_trained_on_is_replaced_by_a_share(tmp_path):
    folder = folder_of(tmp_path, train=numbered(0, 30), validation=numbered(30, 40))
    splits = load(spec_of(folder, split="train+validation"))
    assert (len(splits.train), len(splits.validation)) == (34, 6)


def test_a_prompt_in_two_splits_is_refused_with_both_rows(tmp_path):
    folder = folder_of(tmp_path, train=numbered(0, 9), test=numbered(20, 22) + numbered(4, 6))
    with pytest.raises(DataError, match=r"Row 5 of train and row 3 of test .* 2 such rows in all"):
        load(spec_of(folder))


def test_a_group_in_two_splits_is_refused(tmp_path):
    test = [{"q": "new", "a": "new", "doc": 3}]
    folder = folder_of(tmp_path, train=numbered(0, 9), test=test)
    with pytest.raises(
        DataError, match=r"doc = '3' is in train \(row 4 of train.jsonl\) and in te"
    ):
        load(spec_of(folder, group_by="doc"))


def test_limit_draws_training_rows_only_and_says_so(tmp_path):
    splits = load(spec_of(write(tmp_path / "a.jsonl", questions(100)), limit=10))
    assert (len(splits.train), len(splits.validation)) == (10, 15)
    assert "limit: 10 of 85 training rows are used (seed 0)." in splits.notes


def test_limit_keeps_every_label(tmp_path):
    rows = [{"q": f"q{i}", "a": "rare" if i % 10 == 0 else "common"} for i in range(100)]
    path = write(tmp_path / "a.jsonl", rows)
    splits = load(spec_of(path, limit=20))
    assert Counter(example.label for example in splits.train) == {"common": 18, "rare": 2}


def test_a_limit_below_one_row_per_label_is_refused(tmp_path):
    rows = [{"q": f"q{i}", "a": "abc"[i % 3]} for i in range(30)]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(SpecError, match="limit must be at least 3, one row per label; got 2"):
        load(spec_of(path, limit=2))
