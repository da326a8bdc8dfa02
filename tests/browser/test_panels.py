"""Panels in JupyterLab and Chromium: seen, pressed, reloaded, restarted, saved, read aloud."""

import nbformat
import pytest
import report_samples as samples
from axe_playwright_python.sync_playwright import Axe
from lab import errors, until

from labkit.report import write_report
from labkit.run import Run
from labkit.search import best_of, trials_of
from labkit.yaml import write_yaml

pytestmark = pytest.mark.browser

STEPS = 100_000
"""More than a run takes while somebody looks at it, however slow the page is."""


def serious(page):
    """Return what a person who cannot see or use a mouse would stumble over in our panels."""
    # A slider's handle has no name in ipywidgets; the text beside it has one and sets the same.
    found = Axe().run(page, {"include": [".labkit-panel"], "exclude": [".noUi-handle"]})
    return [
        (one["id"], [node["html"] for node in one["nodes"]][:3])
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.fixture
def watched(open_notebook, cell):
    """A notebook with the panel of a run that has taken a step."""
    notebook = open_notebook(
        "watched",
        cell("seen --background", max_steps=STEPS, eval_steps=100),
        "%runs seen --panel",
    )
    for at in range(3):
        assert errors(notebook.run(at)) == []
    until(lambda: Run("seen").of("step"))
    notebook.panel("follow", "running").get_by_role("img").first.wait_for()
    return notebook


def test_a_run_is_watched_stopped_and_resumed_from_its_panel(watched):
    page, run, panel = watched.page, Run("seen"), watched.panel("follow")
    panel.get_by_role("progressbar").wait_for()
    assert not page.locator("[class^=labkit-record]").first.is_visible()
    panel.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    watched.panel("follow", "stopped")
    assert run.status == "stopped"
    panel.get_by_text("Stopped at step").wait_for()
    watched.shots("run-stopped", "follow")
    panel.get_by_role("button", name="Resume").click()
    watched.panel("follow", "running").get_by_text("best validation loss").wait_for()
    assert serious(page) == []
    watched.shots("run-running", "follow")
    panel.get_by_role("button", name="Stop").click()
    watched.panel("follow", "stopped")
    steps = [step["step"] for step in run.of("step")]
    assert steps == list(range(1, len(steps) + 1))
    assert len([event for event in run.of("end") if event["status"] == "stopped"]) == 2
    panel.get_by_text("Answers while it learns").wait_for()


def test_a_training_is_started_from_its_panel_and_its_copied_cell_gives_the_same_adapter(
    open_notebook, cell
):
    notebook = open_notebook("mouse", cell("mouse --panel", max_steps=30, eval_steps=10), "", "")
    for at in range(2):
        assert errors(notebook.run(at)) == []
    panel = notebook.panel("finetune", "ready")
    assert serious(notebook.page) == []
    rate = panel.locator(".labkit-field-learning_rate input[type=text]").first
    rate.fill("-1")
    rate.press("Enter")
    panel.get_by_text("learning_rate must be above 0").wait_for()
    notebook.panel("finetune", "wrong")
    rate.fill("5e-3")
    rate.press("Enter")
    notebook.panel("finetune", "ready")
    panel.get_by_role("button", name="Start", exact=True).click()
    notebook.panel("follow", "done")
    notebook.shots("finetune", "finetune")
    copied = panel.get_by_label("cell", exact=True).input_value()
    notebook.write(2, copied.replace("%%finetune mouse", "%%finetune typed"))
    assert errors(notebook.run(2)) == []
    assert learned("typed") == learned("mouse")
    exported_by_its_panel(notebook)
    asked_beside_each_other(notebook)
    ended = notebook.panel("follow", "done")
    ended.get_by_role("link", name="Open the whole report").click()
    notebook.page.get_by_role("tab", name="report.html").wait_for()


def exported_by_its_panel(notebook):
    """Start an export and watch its rungs until all are judged."""
    notebook.write(3, "%optimize mouse --panel")
    assert errors(notebook.run(3)) == []
    panel = notebook.panel("optimize", "new")
    panel.get_by_label("fp32", exact=True).first.check()
    panel.get_by_label("int8", exact=True).first.uncheck()
    limit = panel.locator(".labkit-field-limit input[type=text]").first
    limit.fill("6")
    limit.press("Enter")
    panel.get_by_role("button", name="Start", exact=True).click()
    panel.locator("li.labkit-open").filter(has_text="… to come").first.wait_for()
    notebook.panel("optimize", "done")
    for rung in ("base", "adapter"):
        panel.locator("li.labkit-reference").filter(has_text=rung).first.wait_for()
    panel.locator("li.labkit-passed").filter(has_text="fp32").wait_for()
    assert panel.locator("li.labkit-open").count() == 0
    assert Run("mouse/onnx").status == "done"
    notebook.shots("optimize", "optimize")


def asked_beside_each_other(notebook):
    """Ask base, tuned model and export a held-out row, and see what each answers."""
    notebook.write(2, "import labkit\nlabkit.panels.compare('mouse')")
    assert errors(notebook.run(2)) == []
    panel = notebook.panel("compare", "ready")
    panel.get_by_label("fp32", exact=True).check()
    panel.get_by_label("row", exact=True).select_option(index=1)
    panel.get_by_role("button", name="Ask", exact=True).click()
    notebook.panel("compare", "answered")
    cards = panel.get_by_role("list", name="Answers of the models").locator("> li")
    told = cards.all_inner_texts()
    assert [text.split()[0] for text in told] == ["base", "tuned", "fp32"]
    assert all("✓ answered" in text and "per token" in text for text in told)
    assert "= the same as tuned" in told[2]
    notebook.shots("compare-answered", "compare")
    assert serious(notebook.page) == []


def learned(name):
    return (Run(name).learned / "adapter_model.safetensors").read_bytes()


@pytest.fixture
def ended(open_notebook, folder):
    """A notebook with the panel of a run that was trained before."""
    if not (folder / "runs" / "tone").exists():
        write_report(samples.done(folder / "runs", "tone"))
    notebook = open_notebook("ended", "%runs tone --panel")
    notebook.run(0)
    notebook.run(1)
    notebook.panel("follow", "done").get_by_role("img").first.wait_for()
    return notebook


def test_a_reload_keeps_a_panel_and_after_a_restart_one_cell_brings_it_back(ended):
    text = ended.panel("follow").inner_text()
    ended.shots("run-done", "follow")
    ended.save()
    ended.page.reload()
    ended.ready()
    assert ended.panel("follow", "done").inner_text() == text
    ended.kernel_restarted()
    ended.ready()
    for at in (0, 1):
        assert errors(ended.run(at)) == []
    assert ended.panel("follow", "done").inner_text() == text
    assert serious(ended.page) == []


def test_a_saved_notebook_shows_the_record_and_its_curve_without_a_kernel(ended):
    from nbconvert import HTMLExporter

    ended.save()
    saved = nbformat.read(ended.file, 4)
    assert "widgets" not in saved.metadata
    file = ended.file.with_suffix(".html")
    file.write_text(HTMLExporter().from_notebook_node(saved)[0])
    page = ended.other(file.as_uri())
    record = page.locator("[class^=labkit-record]")
    record.get_by_text("74 answers became right").wait_for()
    assert record.locator("img").first.evaluate("image => image.naturalWidth") > 100
    assert "model not found" not in page.inner_text("body").lower()
    ended.shot("run-saved", page=page)


@pytest.fixture
def recorded(folder):
    """A run that was trained before, and its name."""
    if not (folder / "runs" / "tone").exists():
        write_report(samples.done(folder / "runs", "tone"))
    return "tone"


def test_rows_are_looked_through_and_a_template_is_typed_in_the_panel_of_a_data_set(open_notebook):
    notebook = open_notebook("rows", "%data phrases --panel")
    for at in range(2):
        assert errors(notebook.run(at)) == []
    panel = notebook.panel("data", "ready")
    panel.get_by_text("720 rows. Page 1 of 36.").wait_for()
    notebook.shots("data", "data")
    search = panel.get_by_label("find text", exact=True)
    search.fill("goalkeeper")
    search.press("Enter")
    panel.get_by_text("The goalkeeper scored from his own box!").first.wait_for()
    panel.get_by_text("of them fit").first.wait_for()
    template = panel.get_by_label("text_template", exact=True)
    template.fill("no place at all")
    template.press("Tab")
    panel.get_by_text("text_template has no {column} place").first.wait_for()
    assert serious(notebook.page) == []


def test_a_search_goes_on_in_its_panel_to_the_best_trial(open_notebook, settings):
    asked = settings | {"n_trials": 3, "sampler": "random", "pruner": "none"}
    del asked["learning_rate"]
    space = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}
    cell = "%%sweep find --background\n" + write_yaml(asked | {"search_space": space})
    notebook = open_notebook("search", cell, "%sweep find --panel")
    for at in range(3):
        assert errors(notebook.run(at)) == []
    panel = notebook.panel("follow")
    panel.get_by_text("★ best").first.wait_for()
    notebook.panel("follow", "done")
    run = Run("find")
    best = best_of(run.spec, trials_of(run))
    panel.get_by_text(f"{best.name} ★ best", exact=True).wait_for()
    assert panel.get_by_role("img").count() >= 2
    notebook.shots("sweep", "follow")
    assert serious(notebook.page) == []


def test_runs_are_listed_and_one_is_deleted_in_two_presses(open_notebook, recorded, folder):
    write_report(samples.done(folder / "runs", "spare"))
    notebook = open_notebook("all", "%runs --panel")
    for at in range(2):
        assert errors(notebook.run(at)) == []
    panel = notebook.panel("runs")
    notebook.shots("runs", "runs")
    assert serious(notebook.page) == []
    panel.get_by_label("spare", exact=True).first.check()
    panel.get_by_role("button", name="Delete …").click()
    assert (folder / "runs" / "spare").exists()
    panel.get_by_role("button", name="Delete spare").click()
    until(lambda: not (folder / "runs" / "spare").exists())
    assert (folder / "runs" / recorded).exists()


def test_an_export_and_a_comparison_are_set_up_with_words_for_what_is_wrong(
    open_notebook, recorded
):
    cells = f"%optimize {recorded} --panel", f"import labkit\nlabkit.panels.compare('{recorded}')"
    notebook = open_notebook("export", *cells)
    for at in range(3):
        assert errors(notebook.run(at)) == []
    panel = notebook.panel("optimize")
    notebook.panel("compare", "ready")
    notebook.shots("compare", "compare")
    assert serious(notebook.page) == []
    limit = panel.locator(".labkit-field-max_kl input[type=text]").first
    limit.fill("-2")
    limit.press("Enter")
    panel.get_by_text("max_kl must be").first.wait_for()
