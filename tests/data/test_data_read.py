"""Files, folders and saved data sets → rows; what is wrong is said with its row or line."""

import json
import os
import socket
import subprocess
import sys

import pytest

from labkit.data.expressions import pick
from labkit.data.formats import read_file
from labkit.data.read import read_source
from labkit.errors import DataError

FOODS = [{"name": "pear", "kind": "fruit"}, {"name": "leek", "kind": "vegetable"}]


def values(source, split="train"):
    return [dict(row.values) for table in source.splits[split] for row in table.rows(0, len(table))]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def parquet(path, rows):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return str(path)


def refusal(data, **options):
    with pytest.raises(DataError) as caught:
        read_source(data, **options)
    return str(caught.value)


JSONL = "\n".join(json.dumps(food) for food in FOODS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("food.jsonl", JSONL),
        ("food.ndjson", JSONL + "\n\n"),
        ("food.jsonl", "\ufeff" + JSONL.replace("\n", "\r\n")),
        ("food.json", json.dumps(FOODS)),
        ("food.json", json.dumps({"data": FOODS})),
        ("food.csv", "name,kind\npear,fruit\nleek,vegetable\n"),
        ("food.csv", "\ufeffname;kind\r\npear;fruit\r\nleek;vegetable\r\n\r\n"),
        ("food.tsv", "name\tkind\npear\tfruit\nleek\tvegetable"),
        ("FOOD.CSV", 'name , kind\n"pear","fruit"\n"leek",vegetable\n'),
    ],
)
def test_each_text_format_gives_the_same_rows(tmp_path, name, text):
    assert values(read_source(write(tmp_path, name, text))) == FOODS


def test_parquet_gives_the_same_rows(tmp_path):
    assert values(read_source(parquet(tmp_path / "food.parquet", FOODS))) == FOODS


def test_a_cell_may_hold_the_delimiter_a_quote_and_a_line_break(tmp_path):
    text = 'a,b\n"x, ""y""\nz",1\n'
    assert values(read_source(write(tmp_path, "a.csv", text))) == [{"a": 'x, "y"\nz', "b": "1"}]


def test_commas_in_the_text_of_a_semicolon_file_do_not_mislead(tmp_path):
    text = "a;b\none, two, three;1\nfour, five;2\n"
    rows = values(read_source(write(tmp_path, "a.csv", text)))
    assert rows[0] == {"a": "one, two, three", "b": "1"}


def test_a_column_of_plain_text_is_a_csv_too(tmp_path):
    assert values(read_source(write(tmp_path, "a.csv", "text\nhello\nyou\n"))) == [
        {"text": "hello"},
        {"text": "you"},
    ]


def test_a_long_csv_is_judged_by_whole_rows(tmp_path):
    text = "a;b, c, d\n" + f"{'x' * 3000};1\n" * 20
    rows = values(read_source(write(tmp_path, "a.csv", text)))
    assert [list(row) for row in rows] == [["a", "b, c, d"]] * 20


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"a": 1}\n\n{"a": 2}', ["Row 2 of a.jsonl is empty"]),
        ("a.jsonl", '{"a": 1}\n{"a": }', ["Row 2 of a.jsonl is not JSON", "column 7"]),
        ("a.jsonl", '{"a": 1}\n"b"', ["Row 2 of a.jsonl must be an object", "text"]),
        ("a.jsonl", '[\n{"a": 1}\n]', ["a.jsonl is not JSON Lines", "end in .json"]),
        ("a.jsonl", "", ["a.jsonl has no rows"]),
        ("a.json", '[{"a": 1},\n{"a" 2}]', ["a.json is not JSON", "line 2, column 6"]),
        ("a.json", '{"a": 1}\n{"a": 2}', ["a.json is not JSON", "end in .jsonl"]),
        ("a.json", '{"a": 1}', ["a.json must hold a list", "an object"]),
        ("a.json", '[{"a": 1}, [2]]', ["Row 2 of a.json must be an object", "a list"]),
        ("a.json", "[]", ["a.json has no rows"]),
        ("a.csv", "a,b\n1,2\n3\n", ["Row 2 of a.csv has 1 cells; the header has 2"]),
        ("a.csv", "a,b\n1,2\n,\n3,4\n", ["Row 2 of a.csv is empty"]),
        ("a.csv", 'a,b\n1,2\n"x" y,3\n', ["Row 2 of a.csv is not CSV", "line 3"]),
        ("a.csv", 'a,b\n1,2\n"x,3\n', ["Row 2 of a.csv is not CSV"]),
        ("a.csv", "a,a\n1,2\n", ["column 'a' twice"]),
        ("a.csv", "a,\n1,2\n", ["Column 2 of a.csv has no name"]),
        ("a.csv", "a,b\n", ["a.csv has no rows"]),
        ("a.csv", '[{"a": 1}]', ["a.csv is not CSV: it is JSON", ".json"]),
        ("a.csv", '{"a": 1}\n{"a": 2}\n', ["a.csv is not CSV: it is JSON", ".jsonl"]),
        ("a.csv", b"a,b\n1,2\ncaf\xe9,3\n", ["a.csv is not UTF-8", "0xe9", "offset 11", "line 3"]),
        ("a.csv", b"PK\x03\x04rest", ["a.csv is not CSV: it is an Excel workbook"]),
        ("a.jsonl", b"\x1f\x8brest", ["a.jsonl is not JSON Lines: it is gzip-compressed"]),
        ("a.json", "<!DOCTYPE html><html>", ["a.json is not JSON: it is a web page"]),
        ("a.json", b"PAR1....PAR1", ["a.json is not JSON: it is Parquet"]),
        ("a.parquet", '{"a": 1}', ["a.parquet is not Parquet", "begins with"]),
        ("a.parquet", b"PAR1 and no more", ["a.parquet cannot be read as Parquet"]),
        ("a.xlsx", b"PK\x03\x04", ["must end in", "'a.xlsx'"]),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path, name, content, words):
    said = refusal(write(tmp_path, name, content))
    assert all(word in said for word in words), said


def test_a_missing_file_offers_the_one_beside_it(tmp_path):
    write(tmp_path, "foods.csv", "a\n1\n")
    assert "Did you mean 'foods.csv'?" in refusal(str(tmp_path / "food.csv"))


def test_no_name_at_all_is_refused():
    assert "no file ''" in refusal("")


def test_a_misspelt_catalogue_name_offers_the_right_one():
    assert "Did you mean 'phrases'?" in refusal("phrase")


def test_relative_paths_start_from_the_base(tmp_path):
    write(tmp_path, "food.jsonl", JSONL)
    assert values(read_source("food.jsonl", base=tmp_path)) == FOODS


def test_the_files_of_a_folder_are_its_splits_by_name(tmp_path):
    for name, number in (("train.csv", 1), ("dev.csv", 2), ("test.csv", 3), ("notes.csv", 4)):
        write(tmp_path, name, f"a,b\n{number},x\n")
    source = read_source(str(tmp_path))
    assert [values(source, split)[0]["a"] for split in ("train", "validation", "test")] == list(
        "123"
    )
    assert "notes.csv" in source.notes[0]


def test_numbered_parts_of_a_split_are_joined(tmp_path):
    for part in range(2):
        parquet(tmp_path / f"train-0000{part}-of-00002.parquet", [{"a": part}])
    assert values(read_source(str(tmp_path))) == [{"a": 0}, {"a": 1}]


def test_other_files_of_one_kind_are_joined_in_name_order(tmp_path):
    write(tmp_path, "b.csv", "a,b\n2,x\n")
    write(tmp_path, "a.csv", "a,b\n1,x\n")
    source = read_source(str(tmp_path))
    assert [row["a"] for row in values(source)] == ["1", "2"]
    assert "a.csv, b.csv" in source.notes[0]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "has no data file"),
        (("readme.txt",), "has no data file"),
        (("a.csv", "b.jsonl"), "mixes CSV and JSON Lines"),
        (("val.csv", "dev.csv"), "more than one file for validation: dev.csv, val.csv"),
    ],
)
def test_a_folder_that_leaves_a_doubt_is_refused(tmp_path, names, words):
    for name in names:
        write(tmp_path, name, '{"a": 1}' if name.endswith("l") else "a,b\n1,x\n")
    assert words in refusal(str(tmp_path))


def test_a_saved_data_set_keeps_its_splits_and_class_names(tmp_path):
    import datasets

    features = datasets.Features(
        {"name": datasets.Value("string"), "kind": datasets.ClassLabel(names=["fruit", "root"])}
    )
    rows = datasets.Dataset.from_list(
        [{"name": "pear", "kind": 0}, {"name": "beet", "kind": 1}], features=features
    )
    datasets.DatasetDict({"train": rows, "valid": rows.select([1])}).save_to_disk(
        str(tmp_path / "d")
    )
    source = read_source(str(tmp_path / "d"))
    assert values(source) == [{"name": "pear", "kind": "fruit"}, {"name": "beet", "kind": "root"}]
    assert values(source, "validation") == [{"name": "beet", "kind": "root"}]


def test_a_damaged_saved_data_set_is_refused(tmp_path):
    write(tmp_path, "dataset_info.json", "{")
    assert "cannot be read as a saved data set" in refusal(str(tmp_path))


def test_a_hub_id_offline_is_one_sentence_and_no_connection(tmp_path):
    code = (
        "from labkit.data.read import read_source; from labkit.errors import DataError\n"
        "try: read_source('nobody/nothing-of-that-name')\n"
        "except DataError as error: print(error)"
    )
    with socket.create_server(("127.0.0.1", 0)) as hub:
        address = f"http://127.0.0.1:{hub.getsockname()[1]}"
        settings = {"HF_ENDPOINT": address, "LABKIT_OFFLINE": "1", "HF_HOME": str(tmp_path)}
        command = [sys.executable, "-c", code]
        environment = {**os.environ, **settings}
        said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        hub.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has knocked
            hub.accept()
    assert "'nobody/nothing-of-that-name' cannot be read" in said.stdout
    assert len(said.stdout.splitlines()) == 2


def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    assert "a.csv cannot be read: Is a directory" in refusal_of_file(tmp_path / "a.csv")


def refusal_of_file(path):
    path.mkdir()
    with pytest.raises(DataError) as caught:
        read_file(path)
    return str(caught.value)


def test_two_validation_splits_of_a_saved_data_set_are_both_kept(tmp_path):
    import datasets

    parts = {
        name: datasets.Dataset.from_list([{"a": name}]) for name in ("train", "dev", "validation")
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "d"))
    source = read_source(str(tmp_path / "d"))
    assert list(source.splits) == ["train", "dev", "validation"]
    assert pick(source, "dev", "split")[0].values == {"a": "dev"}
