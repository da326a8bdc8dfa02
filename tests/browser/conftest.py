"""One JupyterLab and one Chromium for all tests that need them."""

import sys
from pathlib import Path

import pytest
from lab import FLAGS, Notebook, chromium, jupyterlab

sys.path.append(str(Path(__file__).parents[1] / "report"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where notebooks and runs lie."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    """Runs are found by their names in the tests as in the notebooks."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LABKIT_RUNS", raising=False)


@pytest.fixture(scope="session")
def server(folder, tmp_path_factory):
    """The address of a JupyterLab that shares no settings with any other."""
    with jupyterlab(folder, tmp_path_factory.mktemp("jupyter")) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), headless=False, args=list(FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(browser, server, folder):
    opened = []

    def make(name, *cells):
        opened.append(Notebook(browser, server, folder, name, ["%load_ext labkit", *cells]))
        return opened[-1]

    yield make
    for notebook in opened:
        notebook.close()


@pytest.fixture(scope="session")
def keen_model(tiny_model, tmp_path_factory):
    """The tiny model with larger embeddings, which can learn enough to change its answers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("models") / "keen"
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.get_input_embeddings().weight.data *= 15
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def settings(settings, keen_model):
    return settings | {"model": keen_model}
