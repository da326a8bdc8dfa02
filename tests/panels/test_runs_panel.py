"""The panel of all runs, without a page: what it lists, what its buttons do, what they refuse."""

import shutil

import pytest
import report_samples as samples

from labkit import panels
from labkit.files import locked
from labkit.report import plain
from labkit.report.blocks import Head
from labkit.run import Run, create
from labkit.spec import FinetuneSpec


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three runs, made in this order; one of them has an export."""
    folder = tmp_path_factory.mktemp("runs")
    samples.done(folder, "tone")
    samples.going(folder, "intents", status="stopped", data="intents")
    samples.done(folder, "third", r=4)
    samples.optimized(folder, "tone/onnx")
    return folder


@pytest.fixture
def runs(made, folder):
    shutil.copytree(made, folder, dirs_exist_ok=True)


def names(panel):
    return [line.tick.description for line in panel.list.lines if line.widget.layout.display == ""]


def tick(panel, *wanted):
    for line in panel.list.lines:
        if line.widget.layout.display == "" and line.tick.description in wanted:
            line.tick.value = not line.tick.value


def press(panel, name):
    assert not panel.buttons.press[name].disabled
    panel.buttons.press[name].click()


def allowed(panel):
    names = ("show", "compare", "stop", "delete")
    return [name for name in names if not panel.buttons.press[name].disabled]


def test_every_run_has_a_line_with_what_it_is_and_reached(runs):
    panel = panels.runs()
    (table, *_) = panel.blocks()
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert list(rows) == ["tone/onnx", "third", "intents", "tone"]
    tone = rows["tone"]
    assert (tone["job"], tone["status"]) == ("finetune", "✓\u00a0done")
    assert (tone["model"], tone["data"]) == ("smollm2-135m", "phrases")
    assert tone["result"] == "30.8 % → 90.0 %"
    assert (rows["tone/onnx"]["model"], rows["tone/onnx"]["data"]) == ("run tone", "–")
    assert rows["intents"]["status"] == "■\u00a0stopped"


def test_a_runs_size_is_that_of_all_files_in_its_folder(runs, folder):
    files = [path for path in (folder / "tone").rglob("*") if path.is_file()]
    (entry,) = [entry for entry in panels.runs().page() if entry.name == "tone"]
    assert entry.size_bytes == sum(path.stat().st_size for path in files)


def test_a_title_sorts_and_the_same_one_again_reverses(runs):
    panel = panels.runs()
    panel.list.titles["name"].click()
    assert names(panel) == ["intents", "third", "tone", "tone/onnx"]
    assert panel.list.titles["name"].description == "name ▲"
    panel.list.titles["name"].click()
    assert names(panel) == ["tone/onnx", "tone", "third", "intents"]
    panel.list.titles["size"].click()
    sizes = [entry.size_bytes for entry in panel.page()]
    assert sizes == sorted(sizes, reverse=True)
    assert panel.list.titles["name"].description == "name"


def test_only_runs_that_hold_all_words_are_listed(runs):
    panel = panels.runs()
    panel.buttons.find.value = "DONE finetune"
    assert names(panel) == ["third", "tone"]
    assert "4 runs" in panel._counted()
    assert "2 fit the text" in panel._counted()
    panel.buttons.find.value = "no such run"
    assert names(panel) == []
    assert "No run fits" in plain(panel.blocks())


def test_buttons_can_be_pressed_only_where_they_are_of_use(runs):
    panel = panels.runs()
    assert allowed(panel) == []
    tick(panel, "tone")
    assert allowed(panel) == ["show", "delete"]
    tick(panel, "third")
    assert allowed(panel) == ["compare", "delete"]
    tick(panel, "intents")
    assert allowed(panel) == ["delete"]


def test_two_runs_are_compared_and_the_record_keeps_the_comparison(runs):
    panel = panels.runs()
    tick(panel, "tone", "third")
    press(panel, "compare")
    shown = "".join(place.value for place in panel._below.widget.children)
    assert "Settings that differ" in shown
    rows = [row for block in panel.blocks() for row in getattr(block, "rows", ())]
    assert ("r", "4", "16") in rows


def test_a_run_is_shown_below_with_its_own_buttons(runs, folder):
    fresh = create("fresh", "finetune", FinetuneSpec())
    samples.Clock(fresh.path).at(1, "end", status="stopped")
    panel = panels.runs()
    tick(panel, "fresh")
    press(panel, "show")
    assert panel._area.children == (panel._open.root,)
    assert [block.name for block in panel.blocks() if isinstance(block, Head)] == ["fresh"]
    tick(panel, "fresh", "tone", "third")
    press(panel, "compare")
    assert panel._area.children == (panel._below.widget,)


def test_delete_asks_first_says_what_goes_and_deletes_at_the_second_press(runs, folder):
    files = [path for path in (folder / "tone").rglob("*") if path.is_file()]
    size = f"{sum(path.stat().st_size for path in files) / 1024:.0f} KiB"
    panel = panels.runs()
    tick(panel, "tone")
    press(panel, "delete")
    assert panel.deleting.widget.layout.display == ""
    assert f"tone with tone/onnx: {size} in 7 files" in panel.deleting._said.value
    assert panel.deleting.yes.description == f"Delete tone ({size})"
    assert (folder / "tone").is_dir()
    panel.deleting.yes.click()
    assert names(panel) == ["third", "intents"]
    assert not (folder / "tone").exists()
    assert panel.chosen == []
    assert panel.deleting.widget.layout.display == "none"


def test_a_question_is_forgotten_when_it_is_declined_or_others_are_chosen(runs, folder):
    panel = panels.runs()
    tick(panel, "tone")
    press(panel, "delete")
    panel.deleting.no.click()
    assert panel.deleting.widget.layout.display == "none"
    press(panel, "delete")
    tick(panel, "third")
    assert panel.deleting.widget.layout.display == "none"
    panel.deleting.yes.click()  # hidden, and nothing is asked: nothing goes
    assert (folder / "tone").is_dir()


def test_a_run_at_work_is_not_deleted_and_the_panel_says_why(folder):
    run = samples.going(folder, "busy")
    with locked(run.path):
        panel = panels.runs()
        tick(panel, "busy")
        assert allowed(panel) == ["show", "stop", "delete"]
        press(panel, "delete")
        assert "The run &#x27;busy&#x27; is at work and cannot be deleted." in panel._said.value
        assert panel.deleting.widget.layout.display == "none"
        press(panel, "stop")
        assert (run.path / "stop").exists()
        panel.close()
    assert run.path.is_dir()


def test_the_list_follows_runs_that_go_on_and_ends_with_them(folder, clock):
    run = samples.going(folder, "busy")
    panel = panels.runs()
    with locked(run.path):
        clock.now += 60
        assert panel.beat() is True
        assert "labkit-is-running" in panel.root._dom_classes
        samples.done(folder, "other")
        clock.now += 60
        panel.beat()
        assert set(names(panel)) == {"busy", "other"}
    samples.Clock(run.path).at(1, "end", status="done")
    clock.now += 60
    assert panel.beat() is False
    assert "labkit-is-idle" in panel.root._dom_classes


def test_a_page_holds_twenty_runs_and_pages_can_be_turned(folder):
    for number in range(21):
        create(f"run-{number:02d}", "finetune", FinetuneSpec())
    panel = panels.runs()
    panel.list.titles["name"].click()
    assert (len(names(panel)), names(panel)[0]) == (20, "run-00")
    press(panel, "further")
    assert names(panel) == ["run-20"]
    assert panel.buttons.press["further"].disabled
    assert len(panel.blocks()[0].rows) == 1


def test_an_empty_folder_says_how_to_make_a_run(folder):
    assert "There are no runs here yet" in plain(panels.runs().blocks())


def test_a_run_of_another_version_is_listed_all_the_same(folder):
    run = create("old", "finetune", FinetuneSpec())
    (run.path / "spec.yaml").write_text("no_such_setting: 3\n")
    panel = panels.runs()
    assert names(panel) == ["old"]
    assert Run("old").path.is_dir()
