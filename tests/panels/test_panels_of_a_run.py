"""One trained run: exported from its panel, its models asked in theirs, its worker kept."""

import os
import signal
import time

import pytest
from psutil import pid_exists
from test_compare_panel import wait
from test_optimize_panel import asked_by, box, rungs

import labkit
from labkit import api, panels
from labkit.report import SilentView
from labkit.run import Run

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("workplace")


@pytest.fixture(scope="module")
def exporting(folder, settings):
    """The panel from which a trained run was exported, and the export."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("LABKIT_RUNS", raising=False)
        labkit.finetune(name="first", view=SilentView(), **settings)
        panel = panels.optimize("first")
        box(panel, "fp32").value, box(panel, "int8").value = True, False
        panel.settings.controls["limit"].set(6)
        panel._start.click()
        return panel, api.attach(Run("first/onnx"), view=SilentView())


def test_start_exports_what_the_line_would_export(exporting, workplace):
    panel, made = exporting
    panel.look()
    assert made.spec == asked_by(panel.settings.line("cell"))
    assert "✓ passed" in rungs(panel)["fp32"][1]
    panel._start.click()
    assert "has an fp32 export already" in panel._said.value


def test_all_models_of_a_run_answer_a_row_as_the_magic_does(exporting, workplace):
    panel = panels.compare("first")
    panel.beat()
    for model in panel.controls._boxes.values():
        model.value = True
    panel.controls.take.value = 1
    panel.controls.press.click()
    wait(panel)
    base, tuned, fp32 = panel.answers
    assert [answer.problem for answer in panel.answers] == ["", "", ""]
    assert "labkit-is-answered" in panel.root._dom_classes
    prompt, how = panel.question.prompt, {"max_new_tokens": 16}
    assert [tuned.text] == labkit.generate(prompt, run="first", **how)
    assert [base.text] == labkit.generate(prompt, run="first", source="base", **how)
    assert fp32.text == tuned.text
    assert fp32.probabilities == pytest.approx(tuned.probabilities, abs=1e-4)
    assert set(tuned.probabilities) == {"animal", "number", "colour"}
    assert tuned.probabilities != pytest.approx(base.probabilities, abs=1e-3)
    assert [answer.first_token_seconds > 0 for answer in panel.answers] == [True] * 3
    panel.close()


class Seen(SilentView):
    """Which worker answered, and how many models it loaded for that."""

    def __init__(self):
        self.pids, self.loads = [], []

    def close(self, run):
        self.pids.append(run.last("start")["pid"])
        self.loads.append(len([one for one in run.of("stage") if one["name"] == "loading model"]))


def test_models_stay_loaded_for_the_next_question_until_nobody_asks_any_more(exporting, workplace):
    answerer, seen = api.Answerer(), Seen()

    def ask(source):
        return answerer.generate("the cat", run="first", source=source, view=seen, max_new_tokens=4)

    answers = [ask(source) for source in ("adapter", "base", "adapter", "base")]
    assert answers[:2] == answers[2:]
    assert seen.loads == [1, 1, 0, 0]
    assert len(set(seen.pids)) == 1
    os.kill(seen.pids[0], signal.SIGKILL)
    until_gone(seen.pids[0])
    assert ask("adapter") == answers[0]  # of another worker
    assert seen.loads[-1] == 1
    assert len(set(seen.pids)) == 2
    answerer.close()
    until_gone(seen.pids[-1])


def until_gone(pid, seconds=30.0):
    """Wait until a process has ended."""
    deadline = time.monotonic() + seconds
    while pid_exists(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
