"""`--panel` on a magic's line gives the panel that `labkit.panels` gives."""

import pytest
import report_samples as samples


@pytest.fixture
def runs(workplace):
    samples.done(workplace / "runs", "tone")


def shown(shell, line, cell=None):
    """Return what a cell with a magic would show."""
    name, rest = line.split(" ", 1)
    if cell is None:
        return shell.run_line_magic(name, rest)
    return shell.run_cell_magic(name, rest, cell)


@pytest.mark.usefixtures("runs")
def test_runs_and_optimize_open_the_panel_of_a_run_and_runs_alone_that_of_all(shell):
    assert shown(shell, "runs tone --panel").run.name == "tone"
    assert shown(shell, "optimize tone --panel").run.name == "tone"
    assert "labkit-runs" in shown(shell, "runs --panel").root._dom_classes


def test_finetune_opens_its_panel_with_the_settings_and_the_name_of_the_cell(shell, workplace):
    panel = shown(shell, "finetune mine --panel --r 4", "learning_rate: 1e-3\n")
    assert panel.actions.name.value == "mine"
    assert (panel.spec.r, panel.spec.learning_rate) == (4, 1e-3)
    assert not (workplace / "runs").exists()


def test_data_opens_the_panel_of_its_rows(shell, words):
    panel = shown(shell, f"data {words} --panel", "text_template: 'word: {text}, kind: {kind}'")
    assert "labkit-data" in panel.root._dom_classes
    panel.close()
