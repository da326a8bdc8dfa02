"""A search from a call to its best trial, by two processes of which one is killed in the middle."""

import os
import signal
import time

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import labkit
from labkit import api, report
from labkit.api.optimize import learned_by
from labkit.cli import main
from labkit.errors import RunError, RunStopped
from labkit.evaluation.subjects import finished
from labkit.report import SilentView
from labkit.run import Run
from labkit.search import trials_of
from labkit.yaml import write_yaml

pytestmark = pytest.mark.process

QUIET = SilentView()
SPACE = {"learning_rate": {"low": 1e-3, "high": 2e-2, "log": True}, "r": [4, 8]}


def until(holds, seconds=600.0):
    """Wait for something to be so, not for time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def worked_on(process):
    """Return a trial in the middle of its steps that a process works on, or None."""
    if not process.last("start"):
        return None
    pid = process.last("start")["pid"]
    for trial in trials_of(Run("find")):
        start, step = trial.run.last("start"), trial.run.last("step")
        if trial.state == "running" and start and start["pid"] == pid:
            return trial if step and 5 <= step["step"] < 20 else None
    return None


@pytest.fixture(scope="module")
def search(tmp_path_factory, settings):
    """A search that was joined, lost a process, was stopped, and went on to its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("work"))
        patch.delenv("LABKIT_RUNS", raising=False)
        asked = settings | {"max_steps": 24, "eval_steps": 4, "n_trials": 5, "pruner": "none"}
        del asked["learning_rate"]
        shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
        shell.run_line_magic("load_ext", "labkit")
        body = write_yaml(asked | {"sampler": "random", "search_space": SPACE})
        shell.run_cell(f"%%sweep find --background\n{body}").raise_error()
        shell.run_cell("%sweep find --join --background").raise_error()
        run, joined = shell.user_ns["find"], Run("find/joined/process-1")
        trial = until(lambda: worked_on(joined))
        os.kill(joined.last("start")["pid"], signal.SIGKILL)
        run.stop()
        with pytest.raises(RunStopped, match="no trial is lost"):
            api.attach(run, view=QUIET)
        until(lambda: joined.status == "failed")
        before = {one.name for one in trials_of(run)}
        main(["sweep", "--resume", "find"])
        yield Run("find"), trial, before


def test_all_trials_end_and_none_is_lost_or_taken_twice(search):
    run, killed, before = search
    trials = trials_of(run)
    assert [trial.name for trial in trials] == ["default", "0", "1", "2", "3", "4"]
    assert {trial.state for trial in trials} == {"done"}
    assert len(before) < len(trials)
    for trial in trials:
        steps = [event["step"] for event in trial.run.of("step")]
        assert steps == list(range(1, 25)), trial.name
        assert trial.run.of("end")[-1]["status"] == "done"
        assert len([end for end in trial.run.of("end") if end["status"] == "done"]) == 1
    (again,) = [trial for trial in trials if trial.number == killed.number]
    assert [start["resumed"] for start in again.run.of("start")] == [False, True]
    events = again.run.events()
    at = events.index(again.run.of("start")[-1])
    saved = max(event["step"] for event in events[:at] if event["kind"] == "checkpoint")
    assert saved >= 4
    assert next(event["step"] for event in events[at:] if event["kind"] == "step") == saved + 1


def test_a_trial_has_the_same_bytes_as_the_same_spec_alone(search):
    run, killed, _ = search
    trials = {trial.name: trial for trial in trials_of(run)}  # the default may be the killed one
    for number, trial in enumerate([trials[killed.name], trials["4"]]):
        alone = labkit.finetune(trial.run.spec, name=f"alone-{number}", view=QUIET)
        file = "adapter_model.safetensors"
        assert (alone.adapter / file).read_bytes() == (trial.run.adapter / file).read_bytes()
        assert alone.metrics["training"]["best_eval_loss"] == trial.value


def test_the_best_trial_is_a_run_as_any_other(search):
    run, *_ = search
    values = {trial.number: trial.value for trial in trials_of(run)[1:]}
    assert int(run.best.path.name) == min(values, key=values.get)
    assert run.best.status == "done"
    assert finished(run.best) == learned_by(run.best, "optimise") == run.best.spec
    assert run.best.metrics["tuned"] == run.metrics["models"][run.metrics["run"]]
    assert (run.best.path / "report.html").exists()
    with pytest.raises(RunError, match="has no best trial"):
        _ = run.best.best


def test_the_report_compares_best_and_default_and_says_whether_it_is_shown(search):
    run, *_ = search
    found = run.metrics["comparisons"]["default"]
    assert found["n"] == run.metrics["n"] == 10
    assert run.metrics["is_better"] == (found["p_value"] < 0.05 and found["difference"] > 0)
    page = (run.path / "report.html").read_text()
    assert found["sentence"] in " ".join(report.text(run).split())
    for word in ("All trials", "★ best", "What matters", "These rows chose it too"):
        assert word in page
    with pytest.raises(RunError, match="is done; there is nothing to"):
        api.resume_sweep("find")
    with pytest.raises(RunError, match="is done; there is nothing to"):
        api.join_sweep("find")
