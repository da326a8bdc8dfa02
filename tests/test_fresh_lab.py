"""A fresh lab, as a learner opens it: runs from top to bottom, and knows nothing was answered."""

import os
from pathlib import Path

import nbformat
import pytest

LABS = sorted((Path(__file__).resolve().parents[1] / "labs").glob("*.ipynb"))

pytestmark = pytest.mark.model


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_a_fresh_lab_runs_to_its_end_and_counts_no_answer(path, tmp_path):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    exercises = sum("# your code here" in cell.source for cell in notebook.cells)
    environment = {**os.environ, "LABKIT_MAX_STEPS": "24", "LABKIT_STATIC": "1"}
    environment.pop("OMP_NUM_THREADS", None)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
    texts = [out.get("text", "") for cell in notebook.cells for out in cell.get("outputs", [])]
    said = "".join(texts)
    assert said.count("not attempted") + said.count("made no guess") == exercises
    assert (tmp_path / "runs" / "tone" / "onnx" / "int8" / "model.onnx").exists()
