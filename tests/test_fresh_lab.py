"""A fresh lab, as a learner opens it: runs from top to bottom, and knows nothing was answered."""

import os
import sys
from pathlib import Path

import nbformat
import pytest

from labkit import course
from labkit.errors import RunError

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from notebooks import commit, turn

MINUTES = float(os.environ.get("LABS_MINUTES") or "inf")
LABS = [
    path for path in sorted(ROOT.glob("labs/*.ipynb")) if path.stem[:2] in turn(MINUTES, commit())
]
OWN_RUNS = ("10.3", "10.4", "10.5")
"""Exercises about a run that the learner makes: in a fresh lab there is none."""

pytestmark = pytest.mark.model


def may_fail(cell):
    return "raises-exception" in cell.metadata.get("tags", [])


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_a_fresh_lab_runs_to_its_end_and_counts_no_answer(path, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    environment = {**os.environ, "LABKIT_MAX_STEPS": "24", "LABKIT_STATIC": "1"}
    if os.environ.get("LABS_REUSE"):  # the runs of the solutions, which cost nothing now
        environment["LABKIT_REUSE"] = os.environ["LABS_REUSE"]
        del environment["LABKIT_MAX_STEPS"]
    environment.pop("OMP_NUM_THREADS", None)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    checks = [cell for cell in code if cell.source.startswith("check(")]
    assert len(checks) >= 3
    for cell in checks:
        assert "not attempted" in cell.outputs[-1].data["text/plain"]
    errors = [out for cell in code if not may_fail(cell) for out in cell.outputs]
    assert not [out for out in errors if out.output_type == "error"]
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path / "runs"))
    for exercise in course.all_exercises():
        if exercise.lab == path.stem[:2]:
            assert_wrong_answers_are_told_apart(exercise)


def assert_wrong_answers_are_told_apart(exercise):
    """Judge the anticipated answers by the runs of the lab; chance may make one of them right."""
    examples = []
    for trap in exercise.traps:
        try:
            examples.append((trap.example(), trap.why))
        except RunError:
            assert exercise.number in OWN_RUNS
    wrong = [(example, why) for example, why in examples if not exercise.is_right(example)]
    assert wrong or exercise.number in OWN_RUNS
    for example, why in wrong:
        outcome = exercise.judge(example)
        assert outcome.kind == "wrong" or exercise.number in OWN_RUNS
        assert outcome.why == why or exercise.number in ("5.3", "3.4", *OWN_RUNS)
