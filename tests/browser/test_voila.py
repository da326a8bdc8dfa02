"""A notebook with a panel as a page of Voilà."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import report_samples as samples
from lab import PATIENCE, free_port, is_up, keep, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def voila():
    """The folder with Voilà."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    try:
        from voila import make
    finally:
        sys.path.pop(0)
    return make()


@pytest.fixture
def places(voila, folder, tmp_path):
    """A notebook with the panel of a run, and where Voilà finds what it needs."""
    samples.done(folder / "runs", "shown")
    cells = ["%load_ext labkit", "%runs shown --panel"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, folder / "page.ipynb")
    own = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    paths = [str(voila), os.environ.get("PYTHONPATH", "")]
    found = {"PYTHONPATH": os.pathsep.join(filter(None, paths)),
             "JUPYTER_PATH": str(voila / "share" / "jupyter")}  # fmt: skip
    return {**own, **found, "LABKIT_RUNS": "runs"}


@pytest.fixture
def page(places, browser, folder, tmp_path):
    """The notebook as a page of Voilà."""
    port = free_port()
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "voila", "page.ipynb", "--no-browser", f"--port={port}"],
            cwd=folder, env=os.environ | places, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    page.set_default_timeout(1000 * PATIENCE)
    try:
        until(lambda: is_up(f"http://127.0.0.1:{port}", "/static/"))
        page.goto(f"http://127.0.0.1:{port}/")
        yield page
    finally:
        page.close()
        process.terminate()
        process.wait(30)


def test_a_panel_is_on_a_page_of_voila_with_its_controls_and_without_its_record(page):
    panel = page.locator(".labkit-follow.labkit-is-done")
    panel.get_by_text("74 answers became right").wait_for()
    assert panel.get_by_role("img").first.evaluate("image => image.naturalWidth") > 100
    assert not page.locator("[class^=labkit-record]").first.is_visible()
    keep(page, "voila")
