import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from labkit import machine
from labkit.errors import RunError
from labkit.files import is_locked, locked, write_text
from labkit.recorder import Recorder
from labkit.run import Run, all_runs, create, free_name
from labkit.spec import FinetuneSpec, OptimizeSpec


@pytest.fixture(autouse=True)
def _runs_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_new_run_waits_and_keeps_its_spec():
    run = create("tone", "finetune", FinetuneSpec(r=4))
    assert (run.status, run.job, run.name, run.spec) == (
        "waiting",
        "finetune",
        "tone",
        FinetuneSpec(r=4),
    )


def test_a_taken_name_is_refused_and_nothing_is_overwritten():
    create("tone", "finetune", FinetuneSpec(r=4))
    with pytest.raises(RunError, match="already a run named 'tone'"):
        create("tone", "finetune", FinetuneSpec(r=8))
    assert Run("tone").spec == FinetuneSpec(r=4)


@pytest.mark.parametrize("name", ["../out", "a b", "", "/tmp/x", ".hidden"])
def test_a_name_that_could_leave_the_folder_is_refused(name):
    with pytest.raises(RunError, match="name must be"):
        create(name, "finetune", FinetuneSpec())


def test_a_runs_folder_that_is_a_file_is_said_plainly(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        create("tone", "finetune", FinetuneSpec())


def test_an_unknown_run_offers_the_nearest():
    create("tone", "finetune", FinetuneSpec())
    with pytest.raises(RunError, match="Did you mean 'tone'"):
        Run("tome")


def test_status_follows_the_events_and_the_lock():
    run = create("tone", "finetune", FinetuneSpec())
    recorder = Recorder(run.path)
    seen = []
    with locked(run.path):
        recorder.emit("start", pid=os.getpid())
        seen.append(run.status)
        run.stop()
        seen.append(run.status)
    seen.append(run.status)  # no last word, no worker
    recorder.emit("end", status="stopped")
    assert [*seen, run.status] == ["running", "stopping", "failed", "stopped"]


def test_a_second_worker_is_refused_while_the_first_is_at_work():
    run = create("tone", "finetune", FinetuneSpec())
    code = "import sys; from pathlib import Path; from labkit.files import locked\n"
    code += "with locked(Path(sys.argv[1]), patience=0.1): pass"
    with locked(run.path):
        done = subprocess.run(
            [sys.executable, "-c", code, run.path], capture_output=True, text=True, check=False
        )
    assert "Another worker is at work" in done.stderr


def test_a_line_torn_by_a_kill_is_passed_over_and_the_next_is_kept():
    run = create("tone", "finetune", FinetuneSpec())
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    assert len(run.events()) == 1
    Recorder(run.path).emit("step", step=1, loss=float("nan"))
    assert [event["kind"] for event in run.events()] == ["created", "step"]
    assert run.of("step")[0]["loss"] == "nan"


def test_a_step_taken_again_after_a_resume_stands_once():
    run = create("tone", "finetune", FinetuneSpec())
    for step, loss in [(1, 3.0), (2, 2.0), (3, 1.5), (2, 2.0), (3, 1.4)]:
        Recorder(run.path).emit("step", step=step, loss=loss)
    assert [(event["step"], event["loss"]) for event in run.of("step")] == [
        (1, 3.0),
        (2, 2.0),
        (3, 1.4),
    ]


def test_exports_are_runs_inside_their_run():
    run = create("tone", "finetune", FinetuneSpec())
    create("onnx", "optimize", OptimizeSpec(run="tone"), root=run.path)
    assert [each.name for each in all_runs()] == ["tone", "tone/onnx"]
    assert Run("tone/onnx").spec == OptimizeSpec(run="tone")


def test_names_are_counted_up():
    create(free_name("run"), "finetune", FinetuneSpec())
    assert free_name("run") == "run-2"


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "metrics.json"
    write_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "new \ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_readers_do_not_take_each_other_for_a_worker(tmp_path):
    (tmp_path / ".lock").touch()
    with ThreadPoolExecutor(4) as readers:
        assert not any(readers.map(is_locked, [tmp_path] * 8000))


def test_events_are_json_that_others_can_read():
    run = create("tone", "finetune", FinetuneSpec())
    lines = (run.path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["created"]


def test_the_machine_says_what_it_has():
    facts = machine.facts()
    assert facts["processors"] >= 1
    resident = psutil.Process().memory_info().rss
    assert resident <= machine.peak_bytes() <= facts["memory_limit_bytes"]
    assert 0.5 < machine.tree_bytes() / resident < 3
