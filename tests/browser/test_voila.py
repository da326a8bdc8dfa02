"""A notebook with a panel as a page of Voilà, whose environment `make voila` makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import report_samples as samples
from lab import free_port, is_up, until

pytestmark = pytest.mark.voila


@pytest.fixture(scope="module")
def voila():
    """Voilà's program."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    try:
        from voila import make
    finally:
        sys.path.pop(0)
    return make() / "bin" / "voila"


@pytest.fixture
def places(folder, tmp_path):
    """A notebook with the panel of a run, and where its kernel, the project's, is found."""
    samples.done(folder / "runs", "shown")
    cells = ["%load_ext labkit", "%runs shown --panel"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    made.metadata["kernelspec"] = {"name": "labkit", "display_name": "labkit"}
    nbformat.write(made, folder / "page.ipynb")
    kernel = tmp_path / "share" / "kernels" / "labkit"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "labkit", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    own = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    return {**own, "JUPYTER_PATH": str(tmp_path / "share"), "LABKIT_RUNS": "runs"}


@pytest.fixture
def page(voila, places, browser, folder, tmp_path):
    """The notebook as a page of Voilà."""
    port = free_port()
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [voila, "page.ipynb", "--no-browser", f"--port={port}"],
            cwd=folder, env=os.environ | places, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    try:
        until(lambda: is_up(f"http://127.0.0.1:{port}", "/static/"))
        page.goto(f"http://127.0.0.1:{port}/", timeout=90_000)
        yield page
    finally:
        page.close()
        process.terminate()
        process.wait(30)


def test_a_panel_is_on_a_page_of_voila_with_its_controls_and_without_its_record(page):
    panel = page.locator(".labkit-follow.labkit-is-done")
    panel.get_by_text("74 answers became right").wait_for(timeout=60_000)
    assert panel.get_by_role("img").first.evaluate("image => image.naturalWidth") > 100
    assert not page.locator("[class^=labkit-record]").first.is_visible()
    if shots := os.environ.get("LABKIT_SHOTS"):
        page.screenshot(path=str(Path(shots) / "voila.png"))
