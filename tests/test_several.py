"""Several adapters on one base: the cell, a kill in the middle, and each as if it were alone."""

import os
import signal
import time

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import labkit
from labkit import api
from labkit.cli import main
from labkit.errors import RunError, RunFailed, SpecError
from labkit.report import SilentView
from labkit.report.plaintext import text
from labkit.run import Run, all_runs
from labkit.yaml import write_yaml

OWN = {
    "small": {"r": 4},
    "dora": {"method": "dora", "r": 8, "target_modules": ["q_proj", "v_proj"]},
    "last": {"r": 4, "learning_rate": 1e-2, "seed": 1},
}


def files(run):
    return {file.name: file.read_bytes() for file in run.adapter.iterdir()}


def until(holds, seconds=600.0):
    """Wait for something to be so, not for time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory, settings):
    """Three adapters whose worker was killed in the second, and the same three alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("work"))
        patch.delenv("LABKIT_RUNS", raising=False)
        asked = settings | {"max_steps": 16, "save_steps": 4, "n_samples": 0}
        shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
        shell.run_line_magic("load_ext", "labkit")
        body = write_yaml(asked | {"adapters": OWN})
        shell.run_cell(f"%%finetune three --background\n{body}").raise_error()
        second = shell.user_ns["dora"]
        until(lambda: (second.last("step") or {"step": 0})["step"] >= 6)
        os.kill(second.last("start")["pid"], signal.SIGKILL)
        with pytest.raises(RunFailed, match="killed by SIGKILL"):
            api.attach(Run("three"), view=SilentView())
        before = Run("small").events()
        main(["finetune", "--resume", "three"])
        for name, own in OWN.items():
            labkit.finetune(**asked | own, name=f"{name}-alone", view=SilentView())
        yield Run("three"), before


@pytest.mark.process
def test_each_adapter_is_byte_for_byte_that_of_a_run_alone(trained):
    for name in OWN:
        assert files(Run(name)) == files(Run(f"{name}-alone")), name
        assert Run(name).spec == Run(f"{name}-alone").spec


@pytest.mark.process
def test_each_adapter_is_measured_as_a_run_alone(trained):
    for name in OWN:
        mine, alone = Run(name).metrics, Run(f"{name}-alone").metrics
        for who in ("base", "tuned"):
            chances = mine[who]["probabilities"], alone[who]["probabilities"]
            np.testing.assert_allclose(*chances, atol=1e-6)
        assert (Run(name).path / "report.html").exists()


@pytest.mark.process
def test_what_was_done_before_the_kill_stays_and_the_rest_goes_on(trained):
    run, before = trained
    assert run.status == "done"
    assert Run("small").events() == before
    assert [start["resumed"] for start in Run("dora").of("start")] == [False, True]
    assert [step["step"] for step in Run("dora").of("step")][-10:] == list(range(7, 17))
    assert len(Run("last").of("start")) == 1


@pytest.mark.process
def test_the_base_is_read_once_by_each_process(trained):
    run, _ = trained
    assert "read from disk once for 3 adapters" in run.of("note")[-1]["text"]


@pytest.mark.process
def test_the_run_tells_what_each_adapter_reached_and_how_to_use_them(trained):
    run, _ = trained
    said = text(run)
    assert all(name in said for name in OWN)
    assert "%optimize" in said
    assert "small,dora,last" in said


@pytest.mark.process
def test_each_is_measured_on_the_rows_of_all_as_in_its_own_run(trained):
    run, _ = trained
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run.path.parents[1])
        main(["adapters", "small,last", "--evaluate", "--limit", "1000", "--name", "crossed"])
        crossed, alone = Run("crossed"), {name: Run(name).metrics for name in ("small", "last")}
    cells = crossed.metrics["cells"]
    for name, metrics in alone.items():
        for task in alone:  # the rows of both are the same
            assert cells[name][task]["value"] == pytest.approx(metrics["tuned"]["accuracy"])
            assert cells["base"][task]["value"] == pytest.approx(metrics["base"]["accuracy"])
            paired = metrics["comparison"]["paired"]
            assert cells[name][task]["change"]["p_value"] == pytest.approx(paired["p_value"])
    said = text(crossed)
    assert "Each on the rows of all" in said
    assert said.count("] ★") == 2


def test_a_wrong_setting_of_one_adapter_is_named_and_no_run_is_made(workplace, settings):
    with pytest.raises(SpecError, match=r"adapters: two: There is no setting 'lora_apha'."):
        labkit.finetune(**settings, adapters={"one": None, "two": {"lora_apha": 1}})
    assert all_runs() == []


def test_a_name_that_is_taken_leaves_no_other_run_behind(workplace, settings, shell):
    (workplace / "runs" / "two").mkdir(parents=True)
    with pytest.raises(RunError, match="already a run named 'two'"):
        labkit.finetune(**settings, adapters={"one": {}, "two": {}})
    assert [path.name for path in (workplace / "runs").iterdir()] == ["two"]


@pytest.mark.parametrize(
    ("adapters", "problem"),
    [
        ({}, r"adapters must be settings by name; got \{\}"),
        ({"one": 3}, "adapters: one must be name: value lines; got 3"),
        ({"one": {}, "two": {"model": "other"}}, "model must be the same for all adapters"),
        ({"one": {"method": "full"}}, "method must be one that leaves an adapter; got 'full'"),
    ],
)
def test_what_cannot_share_a_base_is_refused(workplace, settings, adapters, problem):
    with pytest.raises(SpecError, match=problem):
        labkit.finetune(**settings, adapters=adapters)
    assert all_runs() == []


def test_a_dry_run_shows_each_adapter(workplace, settings):
    shown = repr(labkit.preview(**settings, adapters={"one": {}, "two": {"limit": 8}}))
    assert shown.count("Nothing was trained") == 2
    assert all_runs() == []


@pytest.mark.process
def test_a_combination_is_a_run_that_answers_and_can_be_measured(trained, monkeypatch):
    monkeypatch.chdir(trained[0].path.parents[1])
    asked = ["--combine", "linear", "--weights", "0.7,0.3", "--name", "both"]
    main(["adapters", "small,last", *asked])
    both = Run("both")
    assert both.status == "done"
    small, mine = Run("small").metrics, both.metrics
    chances = mine["base"]["probabilities"], small["base"]["probabilities"]
    np.testing.assert_allclose(*chances, atol=1e-6)
    assert not np.allclose(mine["tuned"]["probabilities"], small["tuned"]["probabilities"])
    assert 0 < both.metrics["combination"]["distance"] < 2
    assert "away from the weighted sum" in text(both)
    assert "made of small, last (linear)" in (both.path / "README.md").read_text()
    measured = labkit.evaluate("both", against=("base", "small"), view=SilentView()).metrics
    chances = measured["models"]["both"]["probabilities"], both.metrics["tuned"]["probabilities"]
    np.testing.assert_allclose(*chances, atol=1e-6)
    answers = labkit.generate("word: the dog", run="both", max_new_tokens=2)
    assert len(answers) == 1
    with pytest.raises(RunError, match="The adapter of 'dora' cannot be combined: DoRA"):
        labkit.combine(["small", "dora"])
