"""Data given in a notebook → rows, and files that a worker reads."""

import datetime
import json

import pytest

from labkit.data import load, rows_of, write_rows
from labkit.errors import DataError
from labkit.spec import FinetuneSpec

ROWS = [{"q": "a", "n": 1}, {"q": "b", "n": None}]


def frame():
    import pandas

    return pandas.DataFrame({"q": ["a", "b"], "n": [1.0, float("nan")]})


def dataset(rows=ROWS):
    import datasets

    return datasets.Dataset.from_list(rows)


def test_a_list_of_dicts_is_its_rows():
    assert rows_of(ROWS) == ROWS
    assert rows_of(tuple(ROWS)) == ROWS


def test_a_frame_is_its_rows_with_none_for_nan():
    assert rows_of(frame()) == ROWS


def test_missing_values_of_every_pandas_kind_are_none():
    import pandas

    values = pandas.DataFrame(
        {"i": pandas.array([1, None], dtype="Int64"), "t": pandas.to_datetime(["2020-01-01", None])}
    )
    assert rows_of(values)[1] == {"i": None, "t": None}


def test_a_dataset_is_its_rows():
    assert rows_of(dataset()) == ROWS


def test_a_dataset_dict_with_one_split_is_its_rows_and_with_more_is_refused():
    import datasets

    assert rows_of(datasets.DatasetDict({"train": dataset()})) == ROWS
    both = datasets.DatasetDict({"train": dataset(), "test": dataset()})
    with pytest.raises(DataError, match=r"2 splits \(train, test\)"):
        rows_of(both)


@pytest.mark.parametrize("make", [lambda: ROWS, frame, dataset])
def test_written_rows_are_json_lines_of_the_same_rows(tmp_path, make):
    path = write_rows(make(), tmp_path / "new" / "data")
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS


def test_written_splits_are_read_as_splits(tmp_path):
    parts = {
        "train": [{"prompt": f"q{i}", "completion": f" {i}"} for i in range(4)],
        "dev": [{"prompt": "held", "completion": " out"}],
    }
    folder = write_rows(parts, tmp_path / "data")
    splits = load(FinetuneSpec(data=str(folder)))
    assert len(splits.train) == 4
    assert splits.validation[0].prompt == "held"


def test_numbers_of_numpy_and_dates_are_written_as_json(tmp_path):
    import numpy

    row = {"a": numpy.int64(3), "b": numpy.array([1, 2]), "c": datetime.date(2020, 1, 2), "é": "ü"}
    path = write_rows([row], tmp_path)
    assert json.loads(path.read_text()) == {"a": 3, "b": [1, 2], "c": "2020-01-02", "é": "ü"}
    assert "ü" in path.read_text(encoding="utf-8")


def twice():
    values = frame()
    values.columns = ["q", "q"]
    return values


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: "phrases", "must be a table of rows; got text"),
        (lambda: frame()["q"], "must be a table of rows; got Series"),
        (lambda: iter(ROWS), "must be a table of rows; got list_iterator"),
        (lambda: [ROWS[0], ["b"]], "Row 2 of the data must be a dict; it is a list"),
        (list, "The data has no rows"),
        (dict, "it holds nothing"),
        (lambda: {"q": ["a", "b"], "n": [1, 2]}, "split names and their tables; it holds 'q', 'n'"),
        (
            lambda: {"train_sft": ROWS, "test": ROWS},
            "be train, validation, test, each once; got train_sft",
        ),
        (lambda: {"dev": ROWS, "validation": ROWS}, "each once; got dev, validation"),
        (twice, "the column 'q' twice"),
    ],
)
def test_what_is_no_table_is_refused(make, words):
    with pytest.raises(DataError) as caught:
        rows_of(make())
    assert words in str(caught.value)


def test_a_value_that_no_file_can_hold_is_refused_with_its_row(tmp_path):
    with pytest.raises(DataError, match="Row 2 of the data: a value of type set is neither"):
        write_rows([{"a": 1}, {"a": {1}}], tmp_path)
    assert not list(tmp_path.iterdir())
