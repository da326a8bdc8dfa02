"""JupyterLab in Chromium: run all, ■, restart, a killed worker, reload; as a learner would.

With LABKIT_SHOTS=folder the pages are kept there as pictures.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from labkit.launch import ENDED
from labkit.run import Run

pytestmark = pytest.mark.browser

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
LONG = {"max_steps": 100_000, "eval_steps": 50_000}
READ = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  return panel.content.model.sharedModel.cells.map(cell => cell.toJSON());
}"""
IS_IDLE = """() => {
  const kernel = window.jupyterapp.shell.currentWidget?.sessionContext.session?.kernel;
  return kernel?.status === 'idle' && kernel?.connectionStatus === 'connected';
}"""


def chromium():
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    try:
        from browser import find
    finally:
        sys.path.pop(0)
    return find()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(holds, seconds=90.0):
    """Wait for a state, not for time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("LABKIT_RUNS", raising=False)
        yield folder


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory):
    """The address of a JupyterLab that shares no settings with any other."""
    home, port = tmp_path_factory.mktemp("jupyter"), free_port()
    kinds = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR",
             "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")  # fmt: skip
    places = {kind: str(home / kind.lower()) for kind in kinds}
    quiet = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
                "--ServerApp.port_retries=0", f"--ServerApp.port={port}",
                f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=lab",
                "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env=os.environ | places, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: is_up(address))
        yield address
    finally:
        process.terminate()
        process.wait(30)


def is_up(address):
    try:
        return urlopen(f"{address}/api?token=lab", timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), headless=False, args=list(FLAGS)
        )
        yield browser
        browser.close()


class Notebook:
    """A notebook made of cells, open in JupyterLab."""

    def __init__(self, browser, server, folder, name, cells):
        import nbformat

        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(text) for text in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        self.file = folder / f"{name}.ipynb"
        nbformat.write(made, self.file)
        self.page = browser.new_page(viewport={"width": 1280, "height": 1100})
        self.page.set_default_timeout(60_000)
        self.page.goto(f"{server}/lab/tree/{name}.ipynb?token=lab&reset")
        self.ready()

    def ready(self):
        """Wait until the notebook is there and its kernel is idle."""
        self.page.wait_for_function("window.jupyterapp?.restored !== undefined")
        self.page.evaluate("async () => { await window.jupyterapp.restored; }")
        self.page.wait_for_function(IS_IDLE)

    def command(self, name):
        """Start a command of JupyterLab without waiting for its end."""
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute('{name}'); }}")

    def start(self, at):
        """Run a cell without waiting for its end; a restart begins to count anew."""
        script = """at => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          notebook.activeCellIndex = at;
          notebook.model.sharedModel.cells[at].execution_count = null;
          window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
        self.page.evaluate(script, at)

    def run(self, at):
        """Run a cell to its end and return its outputs."""
        self.start(at)
        return self.after(at)

    def after(self, at):
        """Return a cell's outputs once it has run."""
        until(lambda: self.cell(at)["execution_count"])
        self.page.wait_for_function(IS_IDLE)
        return self.cell(at)["outputs"]

    def cell(self, at):
        return self.page.evaluate(READ)[at]

    def kernel_restarted(self):
        """Restart the kernel through the menu's command and its dialogue."""
        self.command("kernelmenu:restart")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self.page.wait_for_selector(".jp-Dialog", state="detached")

    def shot(self, name, selector=None):
        """Keep a picture of the page when LABKIT_SHOTS names a folder."""
        if folder := os.environ.get("LABKIT_SHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            if selector:
                self.page.locator(selector).last.scroll_into_view_if_needed()
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))

    def close(self):
        self.page.close()


@pytest.fixture
def open_notebook(browser, server, folder):
    opened = []

    def make(name, *cells):
        opened.append(Notebook(browser, server, folder, name, ["%load_ext labkit", *cells]))
        return opened[-1]

    yield make
    for notebook in opened:
        notebook.close()


@pytest.fixture(scope="module")
def keen_model(tiny_model, tmp_path_factory):
    """The tiny model with larger embeddings, which can learn enough to change its answers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("models") / "keen"
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.get_input_embeddings().weight.data *= 15
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def settings(settings, keen_model):
    return settings | {"model": keen_model}


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


def errors(outputs):
    return [output for output in outputs if output["output_type"] == "error"]


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
    notebook, run = start_run("paused", "%finetune --resume paused", max_steps=800, eval_steps=400)
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
    assert [step["step"] for step in run.of("step")] == list(range(1, 801))
    notebook.shot("resumed")


def test_a_run_survives_the_kernels_restart_and_is_attached_to(start_run):
    notebook, run = start_run("kept", "%runs kept", max_steps=1500, eval_steps=750)
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
    assert run.status in ENDED
