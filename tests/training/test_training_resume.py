"""Stopped, killed and resumed runs end with the same bytes as one that was left alone."""

import multiprocessing
import os
import signal
import time

import pytest
from training_tiny import files, run, train_in_child

pytestmark = pytest.mark.process

OVERSHOOTING = {"learning_rate": 0.3, "lr_scheduler_type": "constant"}
SETTINGS = {"max_steps": 12, "eval_steps": 3, "save_steps": 2, "lora_dropout": 0.1}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """The adapter of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("untouched")
    run(folder, **SETTINGS)
    return files(folder / "adapter")


@pytest.fixture(scope="module")
def server():
    """Processes that start with torch already imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["labkit.training.finetune"])
    return context


def is_at(folder, moment):
    """Tell whether a run has come to a step, or to the middle of writing a checkpoint."""
    if moment == "saving":
        return any((folder / "checkpoints/draft").glob("checkpoint-*/*"))
    return (folder / f"step-{moment}").exists()


def kill_at(server, folder, moment):
    child = server.Process(target=train_in_child, args=(folder, SETTINGS, moment))
    child.start()
    deadline = time.monotonic() + 120
    while not is_at(folder, moment) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("moment", [1, 5, 12, "saving"])
def test_a_run_killed_at_any_step_and_resumed_gives_the_same_adapter(
    tmp_path, server, untouched, moment
):
    kill_at(server, tmp_path, moment)
    run(tmp_path, resume=True, **SETTINGS)
    assert files(tmp_path / "adapter") == untouched


def test_a_run_that_is_asked_to_stop_saves_and_resumes_to_the_same_adapter(tmp_path, untouched):
    asked = iter([False] * 4 + [True] * 20)
    result, events = run(tmp_path, should_stop=lambda: next(asked), **SETTINGS)
    assert (result.status, result.step) == ("stopped", 5)
    assert events.of("checkpoint")[-1]["step"] == 5
    result, events = run(tmp_path, resume=True, **SETTINGS)
    assert (result.status, result.step) == ("done", 12)
    assert [e["step"] for e in events.of("step")] == list(range(6, 13))
    assert events.of("check") == [], "the choice of layout is kept, not made again"
    assert files(tmp_path / "adapter") == untouched


def test_a_run_that_was_only_not_written_is_written_without_training(tmp_path, untouched):
    run(tmp_path, **SETTINGS)
    for file in (tmp_path / "adapter").iterdir():
        file.unlink()
    result, events = run(tmp_path, resume=True, **SETTINGS)
    assert events.of("step") == []
    assert (result.status, result.step) == ("done", 12)
    assert files(tmp_path / "adapter") == untouched


def test_an_early_stop_stays_where_it_stopped_when_resumed(tmp_path):
    settings = {**OVERSHOOTING, "eval_steps": 1, "early_stopping_patience": 3}
    first, _ = run(tmp_path, max_steps=40, **settings)
    adapter = files(tmp_path / "adapter")
    again, events = run(tmp_path, resume=True, max_steps=40, **settings)
    assert events.of("step") == []
    assert (again.step, again.adapter_step) == (first.step, first.adapter_step)
    assert files(tmp_path / "adapter") == adapter


def test_a_run_folder_that_was_moved_resumes_with_its_best_checkpoint(tmp_path):
    asked = iter([False] * 7 + [True] * 40)
    settings = {**OVERSHOOTING, "eval_steps": 2, "max_steps": 12}
    run(tmp_path / "a", should_stop=lambda: next(asked), **settings)
    (tmp_path / "a").rename(tmp_path / "b")
    moved, _ = run(tmp_path / "b", resume=True, **settings)
    alone, _ = run(tmp_path / "c", **settings)
    assert moved.adapter_step == alone.adapter_step
    assert files(tmp_path / "b/adapter") == files(tmp_path / "c/adapter")


def test_resuming_without_a_checkpoint_begins_at_the_beginning(tmp_path, untouched):
    run(tmp_path, resume=True, **SETTINGS)
    assert files(tmp_path / "adapter") == untouched


@pytest.mark.parametrize("method", ["full", "ia3", "prefix_tuning"])
def test_a_killed_run_of_another_method_resumes_to_the_same_bytes(tmp_path, server, method):
    settings = {"method": method, "precision": "fp32", "max_steps": 8, "save_steps": 2}
    child = server.Process(target=train_in_child, args=(tmp_path / "a", settings, 5))
    (tmp_path / "a").mkdir()
    child.start()
    deadline = time.monotonic() + 120
    while not is_at(tmp_path / "a", 5) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    resumed, events = run(tmp_path / "a", resume=True, **settings)
    alone, _ = run(tmp_path / "b", **settings)
    assert events.of("step")[0]["step"] == 5
    assert files(resumed.learned) == files(alone.learned)
