"""The panel of a search, without a page: what it shows and what its buttons do."""

import pytest
import report_samples
import search_samples as samples

from labkit import panels
from labkit.errors import RunError
from labkit.files import locked
from labkit.notebook.cells import read_cell
from labkit.run import Run
from labkit.spec import SweepSpec


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))


def shown(panel):
    places = [*panel._top.widget.children, *panel._rest.widget.children]
    return "\n".join(place.value for place in places)


def test_a_search_shows_trials_best_lines_and_importance_and_can_be_joined(tmp_path):
    run = samples.going(tmp_path)
    with locked(run.path):
        panel = panels.sweep("find")
        html = shown(panel)
        assert [w for w in ("3 ★ best", "0.3710", "given up", "6 of 8") if w not in html] == []
        assert html.count("data:image/svg+xml") == 3
        assert panel._join.layout.display == ""
        samples.trial(run, "trials/0007", run.spec.base, 0.2)
        panel.look()
        assert "7 ★ best" in shown(panel)


def test_a_search_that_has_ended_cannot_be_joined_and_says_the_verdict(tmp_path):
    samples.done(tmp_path)
    panel = panels.sweep("find")
    assert "It is not shown" in shown(panel)
    assert panel._join.layout.display == "none"
    panel.join()
    assert "nothing to join" in panel._said.value


def test_the_cell_in_the_panel_asks_for_the_same_search(tmp_path):
    run = samples.going(tmp_path)
    (box,) = panels.sweep(run).root.children[-1].children
    head, _, body = box.children[0].value.partition("\n")
    assert head == "%%sweep find"
    assert SweepSpec.from_mapping(read_cell(body, {})) == run.spec


def test_another_run_is_refused(tmp_path):
    report_samples.done(tmp_path)
    with pytest.raises(RunError, match="'tone' is no search but a run of finetune"):
        panels.sweep(Run("tone"))
