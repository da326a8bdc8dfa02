import io
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import report_samples as samples
from nbclient import NotebookClient

from labkit.files import locked
from labkit.report import NotebookView, SilentView, TextView, watcher


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_pipe_stages_validations_and_notes_are_lines_and_the_state_is_rare(tmp_path):
    run, out = samples.going(tmp_path, steps=64), io.StringIO()
    with locked(run.path):
        view = TextView(out)
        for _ in range(3):
            view.update(run)
    lines = out.getvalue().splitlines()
    assert sum("step 64/256" in line for line in lines) == 1
    assert [line for line in lines if line.startswith("validation")] == [
        "validation at step 32: 1.129 nats/token",
        "validation at step 64: 0.641 nats/token",
    ]
    assert "reading data …" in lines
    assert "The data has 480 training, 120 validation and 120 test rows." in lines


def test_the_end_writes_the_whole_record(tmp_path):
    run, out = samples.done(tmp_path), io.StringIO()
    view = TextView(out)
    view.close(run)
    assert "Results on 120 test rows" in out.getvalue()


def test_a_terminal_rewrites_one_line(tmp_path):
    run, out = samples.going(tmp_path, steps=64), Terminal()
    with locked(run.path):
        view = TextView(out)
        view.update(run)
    assert out.getvalue().split("\n")[-1].startswith("\r\x1b[Krunning")


def test_outside_a_kernel_the_view_is_text():
    assert isinstance(watcher(), TextView)
    assert isinstance(watcher("silent"), SilentView)
    assert isinstance(watcher("notebook"), NotebookView)


def test_choosing_a_view_imports_neither_ipython_nor_what_draws():
    code = "import sys, labkit.report as r; r.watcher(); " + (
        "print(sorted({'IPython', 'matplotlib', 'torch', 'numpy'} & set(sys.modules)))"
    )
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=here, check=True
    )
    assert done.stdout == "[]\n"


WATCH = """\
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import report_samples as samples
from labkit.files import locked
from labkit.report import watcher
view = watcher()
view._every = 0
run = samples.going(samples.Path({folder!r}), {name!r}, steps=40)
with locked(run.path):
    view.update(run)
    samples.take_step(samples.Clock(run.path), 41, 256)
    view.update(run)
samples.write(run.path / "metrics.json", samples.metrics())
samples.Clock(run.path).at(0, "end", status="done")
view.update(run)
view.close(run)
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook, run in a real kernel: one cell that watches, one that waits for the end."""
    values = {
        "tests": str(Path(__file__).parent),
        "root": str(Path(__file__).parents[2]),
        "folder": str(tmp_path_factory.mktemp("runs")),
    }
    still = "import os; os.environ['LABKIT_STATIC'] = '1'\n"
    sources = [WATCH.format(name="a", **values), still + WATCH.format(name="b", **values)]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    seen = []
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60)
    process = client.process_message

    def watched(msg, cell, index):
        seen.append((index, msg["msg_type"], msg["content"].get("data", {}).get("text/plain", "")))
        return process(msg, cell, index)

    client.process_message = watched
    client.execute()
    return client.nb, seen


def test_a_notebook_keeps_one_output_with_the_last_state_as_html_and_text(notebook):
    (output,) = notebook[0].cells[0].outputs
    assert "✓ done" in output.data["text/html"]
    assert "Results on 120 test rows" in output.data["text/plain"]
    assert "widget" not in str(notebook[0].metadata)


def test_a_notebook_is_updated_in_place_while_the_run_goes(notebook):
    shown = [(kind, text) for index, kind, text in notebook[1] if index == 0 and text]
    assert [kind for kind, _ in shown] == ["display_data", *["update_display_data"] * 2]
    assert ["step 40/256" in shown[0][1], "step 41/256" in shown[1][1]] == [True, True]


def test_a_static_notebook_shows_the_end_and_nothing_before(notebook):
    shown = [(kind, text) for index, kind, text in notebook[1] if index == 1 and text]
    assert [kind for kind, _ in shown] == ["display_data"]
    assert "Results on 120 test rows" in shown[0][1]
