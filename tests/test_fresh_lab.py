"""A fresh lab, as a learner opens it: runs from top to bottom, and knows nothing was answered."""

import os
from pathlib import Path

import nbformat
import pytest

from labkit import course

LABS = sorted((Path(__file__).resolve().parents[1] / "labs").glob("*.ipynb"))

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
    examples = [(trap.example(), trap.why) for trap in exercise.traps]
    wrong = [(example, why) for example, why in examples if not exercise.is_right(example)]
    assert wrong
    for example, why in wrong:
        outcome = exercise.judge(example)
        assert outcome.kind == "wrong"
        assert outcome.why == why or exercise.number in ("5.3", "3.4")
