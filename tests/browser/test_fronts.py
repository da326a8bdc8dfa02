"""Panels outside JupyterLab: on a page of Voilà, and in Notebook 7."""

import os
import subprocess
import sys
from contextlib import contextmanager

import nbformat
import pytest
import report_samples as samples
from lab import PATIENCE, free_port, is_up, keep, script, until

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(folder):
    """A notebook with the panel of a run, and one to start a run with."""
    if not (folder / "runs" / "shown").exists():
        samples.done(folder / "runs", "shown")
    cells = ["%load_ext labkit", "%runs shown --panel", "%finetune --panel"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, folder / "page.ipynb")
    return "page.ipynb"


@contextmanager
def opened(name, *command, browser, folder, home, at=""):
    """A page of a front that serves the folder, and shares no settings with any other."""
    beside, port = script("fronts").make(name), free_port()
    own = {kind: str(home / kind.lower()) for kind in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    paths = [str(beside), os.environ.get("PYTHONPATH", "")]
    found = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "LABKIT_RUNS": "runs",
             "JUPYTER_PATH": str(beside / "share" / "jupyter")}  # fmt: skip
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", name, *command, "--no-browser", f"--port={port}"],
            cwd=folder, env=os.environ | own | found, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    page.set_default_timeout(1000 * PATIENCE)
    try:
        until(lambda: is_up(f"http://127.0.0.1:{port}", "/static/"))
        page.goto(f"http://127.0.0.1:{port}/{at}")
        yield page
    finally:
        page.close()
        process.terminate()
        process.wait(30)


def looks_right(page):
    """The panel of the run is on the page with its controls, and its record is hidden."""
    panel = page.locator(".labkit-follow.labkit-is-done").first
    panel.get_by_text("74 answers became right").wait_for()
    assert panel.get_by_role("img").first.evaluate("image => image.naturalWidth") > 100
    assert not page.locator("[class^=labkit-record]").first.is_visible()


def follows_what_is_typed(page):
    """A wrong value shows its rule in the panel, and the cell that says the same follows."""
    panel = page.locator(".labkit-finetune").first
    rate = panel.locator(".labkit-field-learning_rate input[type=text]").first
    rate.fill("-1")
    rate.press("Enter")
    panel.get_by_text("learning_rate must be above 0").wait_for()
    rate.fill("5e-3")
    rate.press("Enter")
    cell = panel.get_by_label("cell", exact=True)
    until(lambda: "learning_rate: " in cell.input_value())


def test_panels_work_on_a_page_of_voila(notebook, browser, folder, tmp_path):
    with opened("voila", notebook, browser=browser, folder=folder, home=tmp_path) as page:
        looks_right(page)
        follows_what_is_typed(page)
        keep(page, "voila")


def test_panels_work_in_notebook_7(notebook, browser, folder, tmp_path):
    command = ["--allow-root", "--IdentityProvider.token=lab"]
    at = f"notebooks/{notebook}?token=lab"
    with opened("notebook", *command, browser=browser, folder=folder, home=tmp_path, at=at) as page:
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.get_by_text("Python 3").first.wait_for()
        for _ in range(3):
            page.keyboard.press("Shift+Enter")
        looks_right(page)
        follows_what_is_typed(page)
        keep(page, "notebook-7")
