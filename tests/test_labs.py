"""The notebooks are what their sources say, and were really run."""

import sys
from pathlib import Path

import nbformat
import pytest

from labkit.files import read_json

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from build_labs import MEASURED, differences, lab, sources
from notebooks import turn

NOTEBOOKS = [*sorted(ROOT.glob("labs/*.ipynb")), *sorted(ROOT.glob("solutions/*.ipynb"))]


def test_every_notebook_is_built_from_its_source():
    assert differences() == []


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_a_solution_was_run_whole_and_without_errors(source):
    cells = nbformat.read(source.with_suffix(".ipynb"), 4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    strict = [cell for cell in code if "raises-exception" not in cell.metadata.get("tags", [])]
    assert not [out for cell in strict for out in cell.outputs if out.output_type == "error"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_keeps_no_widgets_and_no_paths_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert "widgets" not in nbformat.reads(text, 4).metadata
    assert not [word for word in ("/tmp/", "/root/", "/home/", "/work/") if word in text]


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_a_lab_holds_no_answer_and_says_where_one_goes(source):
    answers = source.read_text(encoding="utf-8").count("### BEGIN SOLUTION")
    text = "\n".join(cell.source for cell in lab(source).cells)
    assert "SOLUTION" not in text
    assert text.count("# your code here") == answers > 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_code_cells_are_small_and_follow_prose(path):
    cells = nbformat.read(path, 4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    lengths = sorted(len(cell.source.splitlines()) for cell in code)
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[-1] <= 25
    assert not [c for c in code if "pip install" in c.source and not c.source.startswith("%%olive")]


def test_each_commit_proves_some_labs_and_a_few_commits_all_of_them():
    taken = [turn(12, start) for start in range(40)]
    minutes = {number: found["minutes"] for number, found in read_json(MEASURED).items()}
    assert all(len(one) == 1 or sum(minutes[n] for n in one) <= 12 for one in taken)
    assert {number for one in taken for number in one} == set(minutes)
    assert turn(12, 7) == turn(12, 7)
    assert turn(float("inf"), 3) == sorted(minutes)


@pytest.mark.parametrize("text", ["x = 1", "### BEGIN SOLUTION\n### BEGIN SOLUTION"])
def test_marks_that_do_not_pair_are_refused(tmp_path, text):
    (tmp_path / "01_x.py").write_text(text)
    with pytest.raises(ValueError, match=r"01_x\.py: pair every"):
        lab(tmp_path / "01_x.py")
