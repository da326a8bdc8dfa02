"""JupyterLab in Chromium: run all, ■, restart, a killed worker, reload; as a learner would."""

import json
import os
import signal
from pathlib import Path

import pytest
from lab import IS_IDLE, errors, until

from labkit.run import FINISHED, Run

pytestmark = pytest.mark.browser

LONG = {"max_steps": 100_000, "eval_steps": 50_000}


@pytest.fixture
def start_run(open_notebook, cell):
    """A function that starts a run in a notebook; both are returned once it has taken a step."""

    def start(name, then, **changes):
        notebook = open_notebook(name, cell(name, **changes), then)
        notebook.run(0)
        notebook.start(1)
        until(lambda: (Path("runs") / name / "spec.yaml").exists() and Run(name).of("step"))
        return notebook, Run(name)

    return start


def html_of(outputs):
    (shown,) = [output for output in outputs if output["output_type"] == "display_data"]
    return "".join(shown["data"]["text/html"])


def record_of(page):
    """Return the record of the run in the first output that shows one, scrolled to."""
    record = page.locator(".jp-OutputArea-output .labkit-run").first
    record.scroll_into_view_if_needed()
    return record


@pytest.fixture
def ran(open_notebook, cell):
    """A notebook in which all cells ran."""
    notebook = open_notebook("all", cell("whole", max_steps=40), "whole", "%runs")
    notebook.command("notebook:run-all-cells")
    notebook.after(3)
    return notebook


def test_run_all_shows_the_record_and_a_reload_keeps_it(ran):
    assert [errors(ran.cell(at)["outputs"]) for at in range(4)] == [[], [], [], []]
    record = record_of(ran.page)
    assert record.locator("table").first.is_visible()
    assert record.locator("img").first.evaluate("image => image.naturalWidth") > 100
    text = record.inner_text()
    assert {"done", "base", "tuned"} <= set(text.lower().split())
    assert "changed answers" in text
    assert record.get_by_text("changed answers").is_visible()
    ran.shot("run-all-top")
    record.get_by_text("changed answers").scroll_into_view_if_needed()
    ran.shot("run-all-bottom")
    ran.command("docmanager:save")
    until(lambda: "labkit-run" in ran.file.read_text())
    saved = json.loads(ran.file.read_text())
    assert "widgets" not in saved["metadata"]
    assert html_of(saved["cells"][1]["outputs"]) == html_of(ran.cell(1)["outputs"])
    ran.page.reload()
    ran.ready()
    assert record_of(ran.page).inner_text() == text
    ran.shot("reloaded")


def test_the_stop_button_stops_and_the_run_resumes_to_its_end(start_run):
    notebook, run = start_run("paused", "%finetune --resume paused", max_steps=500, eval_steps=250)
    page = notebook.page
    page.locator(".jp-OutputArea-output .labkit-run img").first.wait_for()
    notebook.shot("running")
    page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
    (error,) = errors(notebook.after(1))
    assert error["ename"] == "RunStopped"
    assert "its checkpoint is whole" in "".join(error["traceback"])
    notebook.shot("stopped")
    assert run.status == "stopped"
    assert errors(notebook.run(2)) == []
    assert run.status == "done"
    assert [step["step"] for step in run.of("step")] == list(range(1, 501))
    notebook.shot("resumed")


def test_a_run_survives_the_kernels_restart_and_is_attached_to(start_run):
    notebook, run = start_run("kept", "%runs kept", max_steps=900, eval_steps=450)
    worker = run.last("start")["pid"]
    notebook.kernel_restarted()
    notebook.page.wait_for_function(IS_IDLE)
    assert run.is_alive
    assert errors(notebook.run(0)) == []
    assert not errors(notebook.run(2))
    assert "done" in html_of(notebook.cell(2)["outputs"])
    assert (run.status, run.last("start")["pid"]) == ("done", worker)
    notebook.shot("attached", ".labkit-run")


def test_a_killed_worker_is_a_sentence_and_the_notebook_goes_on(start_run):
    notebook, run = start_run("shot", "print(shot.status)", **LONG)
    os.kill(run.last("start")["pid"], signal.SIGKILL)
    (error,) = errors(notebook.after(1))
    assert error["ename"] == "RunFailed"
    assert len(error["traceback"]) == 2
    assert "was killed by SIGKILL at step" in error["traceback"][0]
    (said,) = notebook.run(2)
    assert "".join(said["text"]) == "failed\n"
    notebook.shot("killed")
    assert run.status in FINISHED
