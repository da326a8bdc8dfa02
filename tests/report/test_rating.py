"""People rate answers: forms are blinded, read back with every cell checked, summed up rightly."""

import csv
import io
import json

import evaluation_samples as evaluations
import numpy as np
import pytest
import report_samples as samples

from labkit import api
from labkit.api.forms import COLUMNS, MARKS, read_form
from labkit.errors import DataError, RunError, SpecError


@pytest.fixture
def forms(tmp_path):
    return api.rate(evaluations.evaluated(tmp_path), n=12, raters=("anna", "ben"))


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def fill(folder, name, judge, delimiter=","):
    """Fill a form: `judge(item, side of the tuned model)` gives marks of A and B, and a choice."""
    path = folder / f"form-{name}.csv"
    key = json.loads((folder / "key.json").read_text())["items"]
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, delimiter=delimiter)
    table.writeheader()
    for row in rows_of(path):
        tuned = "A" if key[row["item"]]["A"] == "run" else "B"
        marks, choice = judge(row["item"], tuned)
        table.writerow(row | {name: marks[name[-1]] for name in MARKS} | {"preferred": choice})
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        table.writerows(rows)


def fair(_item, tuned):
    """The tuned model gets 5 for all, the other 2."""
    other = "AB".replace(tuned, "")
    return {tuned: 5, other: 2}, tuned


def test_a_form_shows_answers_in_either_order_and_says_not_whose_they_are(forms):
    for name in ("anna", "ben"):
        page = (forms.folder / f"form-{name}.html").read_text()
        table = (forms.folder / f"form-{name}.csv").read_text()
        assert not [word for word in ("base", "tuned", "other") if word in page + table]
    key = json.loads((forms.folder / "key.json").read_text())
    sides = [item["A"] for item in key["items"].values()]
    assert set(sides) == {"base", "run"} == set(key["models"])
    rows = rows_of(forms.folder / "form-anna.csv")
    shown = {row["item"]: (row["answer A"], row["answer B"]) for row in rows}
    _, base, tuned = evaluations.TEXTS["summarisation"]
    for name, item in key["items"].items():
        assert shown[name] == ((base, tuned) if item["A"] == "base" else (tuned, base))


def test_a_second_rating_does_not_overwrite_the_first(forms, tmp_path):
    again = api.rate(tmp_path / "run" / "evaluations" / "eval-1", n=3)
    assert (forms.folder.name, again.folder.name) == ("rating-1", "rating-2")
    assert again.n == 3


def test_filled_forms_are_unblinded_and_summed_up(forms):
    fill(forms.folder, "anna", fair)
    fill(forms.folder, "ben", lambda item, tuned: ({"A": 3, "B": 3}, "same"), delimiter=";")
    found = api.ratings(forms.folder)
    assert found.raters == ("anna", "ben")
    assert found.n == 12
    assert found.marks["helpful"]["run"]["value"] == (5 + 3) / 2
    assert found.marks["helpful"]["base"]["value"] == (2 + 3) / 2
    assert found.comparisons["fluent"]["difference"] == pytest.approx(1.5)
    assert found.preferred == {"base": 0, "run": 12, "same": 12}
    assert "4.00" in repr(found)
    assert "run is better by" in repr(found)
    assert "<table" in found._repr_html_()


def test_raters_that_mark_alike_agree_and_one_rater_agrees_with_nobody(forms):
    for name in ("anna", "ben"):
        fill(forms.folder, name, fair)
    assert api.ratings(forms.folder).agreement["helpful"]["value"] == 1
    assert api.ratings(forms.folder / "form-anna.csv").agreement == {}


def test_marks_without_a_difference_are_too_close_to_call(forms):
    rng = np.random.default_rng(1)
    for name in ("anna", "ben"):
        fill(
            forms.folder,
            name,
            lambda item, tuned: (dict(zip("AB", rng.permutation([2, 4]), strict=True)), "same"),
        )
    found = api.ratings(forms.folder)
    assert "too close to call with n = 12" in found.comparisons["helpful"]["sentence"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"helpful A": ""}, "The column 'helpful A' in row 3 of form-anna.csv is empty"),
        ({"fluent B": "6"}, "'fluent B' in row 3 .* whole number from 1 to 5; got '6'"),
        ({"correct A": "4.5"}, "'correct A' in row 3 .* got '4.5'"),
        ({"preferred": "C"}, "'preferred' in row 3 .* must be A, B or same; got 'C'"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_with_row_and_column(change, said, forms):
    path = fill(forms.folder, "anna", fair)
    rows = rows_of(path)
    rows[1] |= change
    write(path, rows)
    with pytest.raises(DataError, match=said):
        api.ratings(path)


def test_an_empty_form_is_refused(forms):
    with pytest.raises(DataError, match=r"'helpful A' in row 2 of form-anna.csv is empty"):
        api.ratings(forms.folder / "form-anna.csv")


def test_a_form_of_another_rating_is_refused(forms, tmp_path):
    other = api.rate(tmp_path / "run", n=4, raters=["cleo"])
    fill(forms.folder, "anna", fair)
    with pytest.raises(RunError, match="which is not in the key"):
        api.ratings(forms.folder / "form-anna.csv", key=other.folder / "key.json")
    lonely = tmp_path / "form-anna.csv"
    lonely.write_text((forms.folder / "form-anna.csv").read_text())
    with pytest.raises(RunError, match="There is no key"):
        api.ratings(lonely)


def test_a_form_with_a_row_deleted_is_refused(forms):
    path = fill(forms.folder, "anna", fair)
    write(path, rows_of(path)[1:])
    with pytest.raises(RunError, match=r"must have every item once; it has .* 0 times"):
        api.ratings(path)


def test_an_answer_that_a_spreadsheet_would_compute_stays_text(tmp_path):
    run = evaluations.done(tmp_path, "generation")
    metrics = run.metrics
    metrics["tuned"]["answers"] = ['=HYPERLINK("http://x")'] * 60
    samples.write(run.path / "metrics.json", metrics)
    forms = api.rate(run, n=2, raters="anna")
    cells = [row[side] for row in rows_of(forms.folder / "form-anna.csv")
             for side in ("answer A", "answer B")]  # fmt: skip
    assert not [cell for cell in cells if cell.startswith("=")]
    assert [cell for cell in cells if "HYPERLINK" in cell]


def test_text_in_a_page_is_never_markup(tmp_path):
    run = evaluations.done(tmp_path, "generation")
    metrics = run.metrics
    metrics["base"]["answers"] = ["</pre><script>alert(1)</script>"] * 60
    samples.write(run.path / "metrics.json", metrics)
    page = (api.rate(run, n=1, raters="anna").folder / "form-anna.html").read_text()
    assert page.count("<script>") == 1
    assert "alert(1)" in page


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"n": 0}, SpecError, "n must be at least 1"),
        ({"raters": 0}, SpecError, "raters must be a number from 1"),
        ({"raters": ("a", "a")}, SpecError, "names that differ"),
        ({"raters": ("../a",)}, SpecError, "names that differ"),
        ({"against": "nobody"}, RunError, "no answers of 'nobody'"),
    ],
)
def test_what_makes_no_form_is_refused(settings, error, said, tmp_path):
    run = evaluations.evaluated(tmp_path)
    with pytest.raises(error, match=said):
        api.rate(run, **settings)
    assert not (run.path / "ratings").exists()


def test_labels_are_counted_and_not_rated(tmp_path):
    with pytest.raises(RunError, match="answers with labels, which are counted"):
        api.rate(samples.done(tmp_path))


def test_a_spreadsheets_whole_numbers_are_read(tmp_path):
    path = tmp_path / "form-anna.csv"
    head = "\t".join(["item", *MARKS, "preferred"])
    path.write_text(f"{head}\nx-01\t" + "\t".join(["4.0"] * len(MARKS)) + "\tB\n\t\n")
    assert [(one.item, one.marks["helpful A"], one.preferred) for one in read_form(path)] == [
        ("x-01", 4, "B")
    ]
