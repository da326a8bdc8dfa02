"""The data report as a person reads it: text, HTML that a notebook keeps, pictures with words."""

import json
import re

import pytest
from test_report_html import KEPT, Page

from labkit.api import data_report
from labkit.data.quality import Balance, Lengths, Place
from labkit.errors import CatalogError, SpecError
from labkit.report.chart_data import bin_edges, label_bars, length_histogram
from labkit.report.data_report import length_sentence
from labkit.spec import FinetuneSpec

TEMPLATE = "### Phrase: {phrase}\n### Tone: {tone}"


@pytest.fixture(autouse=True)
def no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def rows():
    tones = ["joy", "fear", "<b>rage</b>"]
    return [{"phrase": f"{chr(97 + i % 26) * 6} {i}", "tone": tones[i % 3]} for i in range(60)]


@pytest.fixture
def bad():
    found = rows()
    found[4]["phrase"] = "mail jane.doe@example.org <script>alert(1)</script>"
    found[7]["phrase"] = None
    return found


def test_rows_given_as_objects_are_reported_in_words(bad):
    text = str(data_report(bad, text_template=TEMPLATE))
    assert text.startswith("Data rows.jsonl: ✗ a run would refuse it\n")
    assert "✗ 1 row cannot be used: row 8 of rows.jsonl." in text
    assert "! 1 e-mail address (ja••••••) in row 5 of rows.jsonl." in text
    assert "jane.doe" not in text
    assert "lengths are in words" in text


def test_the_embedded_data_set_needs_no_settings():
    text = repr(data_report())
    assert text.startswith("Data phrases: ✓ nothing stands in the way\n")
    assert "6 labels: in training each has 85 rows (16.7 %)." in text
    assert "always guessing one  16.7 %" in text
    assert text == str(data_report(FinetuneSpec())) == str(data_report(data="phrases"))


def test_html_is_what_a_saved_notebook_keeps_and_values_are_never_markup(bad):
    page = Page(data_report(bad, text_template=TEMPLATE)._repr_html_())
    assert {tag for tag, _ in page.tags} <= KEPT
    assert all(re.search(r"\d", image["alt"]) for image in page.of("img"))
    assert len(page.of("img")) == 2
    assert "1 e-mail address (ja••••••)" in page.words
    assert not {"b", "script"} & {tag for tag, _ in page.tags}


def test_many_labels_become_a_table(tmp_path):
    lines = [f"text {i},label {i % 40:02d}" for i in range(400)]
    (tmp_path / "a.csv").write_text("t,y\n" + "\n".join(lines))
    page = Page(data_report(tmp_path / "a.csv", text_template="{t}: {y}")._repr_html_())
    assert len(page.of("img")) == 1
    assert "the most and the least frequent" in page.words


def test_a_file_that_cannot_be_read_is_one_box(tmp_path):
    (tmp_path / "a.json").write_text("[{]")
    text = str(data_report(tmp_path / "a.json"))
    assert "a run would refuse it" in text
    assert "a.json is not JSON" in text


def test_a_wrong_setting_or_model_is_an_error():
    with pytest.raises(SpecError, match="no setting 'text_templat'"):
        data_report(text_templat="{a}")
    with pytest.raises(CatalogError, match="got 'smolm'"):
        data_report(model="smolm")


def test_the_cut_is_drawn_and_said():
    splits = {"train": (10, 20, 30, 140), "test": (15, 200)}
    places = (Place("train", 4), Place("test", 2))
    lengths = Lengths("tokens", splits, 128, places, 84, 6)
    assert length_sentence(lengths) == (
        "Half the rows have at most 20 tokens, the longest 200: max_length 128 cuts 2 rows "
        "(33.3 %) by 84 prompt tokens in all."
    )
    drawn = length_histogram(splits, "tokens", 128).decode()
    assert "max_length 128" in drawn
    assert "max_length" not in length_histogram(splits, "words", None).decode()


def test_bars_of_the_histogram_are_whole_and_hold_all_lengths():
    assert bin_edges(7, 7) == [6.5, 7.5]
    edges = bin_edges(3, 100)  # 98 lengths in 24 bars: 5 each, 20 bars
    assert (edges[0], edges[-1], len(edges)) == (2.5, 102.5, 21)


def test_label_bars_name_splits_and_rows():
    counts = {"train": {"a": 30, "$b$": 10}, "test": {"a": 0, "$b$": 4}}
    balance = Balance(counts, "a", 0.0)
    drawn = label_bars(balance.counts).decode()
    for words in ("train (40 rows)", "test (4 rows)", "$b$", "30"):
        assert words in drawn
    assert drawn == label_bars(json.loads(json.dumps(counts))).decode()
