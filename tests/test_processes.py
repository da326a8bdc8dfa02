"""Several processes that train one model: the curve of one, whoever starts them or dies."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest
import torch
import waiting
from safetensors.torch import load_file

import labkit
from labkit import launch
from labkit.errors import RunFailed, SpecError
from labkit.report import SilentView
from labkit.run import FINISHED

pytestmark = pytest.mark.process

QUIET = SilentView()
until = partial(waiting.until, seconds=120.0)


def losses(run):
    return [event["loss"] for event in run.of("step")]


def validations(run):
    return [event["eval_loss"] for event in run.of("eval")]


def notes(run):
    return [event["text"] for event in run.of("note")]


def weights(run):
    return load_file(run.adapter / "adapter_model.safetensors")


def assert_same(run, other):
    """Two runs learned the same, up to the order in which numbers are added."""
    assert losses(run) == pytest.approx(losses(other), abs=1e-4)
    assert validations(run) == pytest.approx(validations(other), abs=1e-4)
    ours, theirs = weights(run), weights(other)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], atol=2e-3), name


def others_of(run):
    """The processes beside the first of a run."""
    worker = psutil.Process(run.last("start")["pid"])
    return [child for child in worker.children() if "labkit.worker" in child.cmdline()]


@pytest.fixture(scope="module")
def alike(settings):
    """Settings in which nothing is drawn at a step, and the last batch of a pass is one row."""
    return settings | {"batch_size": 7, "lora_dropout": 0.0, "max_steps": 12}


@pytest.fixture(scope="module")
def alone(tmp_path_factory, alike):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_RUNS", str(tmp_path_factory.mktemp("alone")))
        return labkit.finetune(name="alone", view=QUIET, **alike)


@pytest.mark.parametrize(
    "changes",
    [{}, {"packing": "padded"}, {"batch_size": 14, "gradient_accumulation_steps": 2}],
    ids=["packed", "padded", "accumulated"],
)
def test_two_processes_learn_what_one_learns(workplace, alike, changes):
    one = labkit.finetune(name="one", view=QUIET, **alike | changes)
    two = labkit.finetune(name="two", view=QUIET, processes=2, **alike | changes)
    assert_same(two, one)
    assert [e["tokens"] for e in two.of("step")] == [e["tokens"] for e in one.of("step")]
    assert two.metrics["tuned"]["n"] == one.metrics["tuned"]["n"]
    assert [e["kind"] for e in two.events()].count("end") == 1


def test_the_loss_of_pairs_and_one_of_ones_own_are_the_same_in_two(workplace, alike, tmp_path):
    def mean_loss(model_output, batch):
        import torch

        logits, labels = model_output.logits[:, :-1], batch["labels"][:, 1:]
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    rows = [
        {"prompt": f"{a} {b}", "chosen": " cat", "rejected": " blue"}
        for a in ("the", "a", "this")
        for b in ("one", "two", "three", "four", "five", "six")
    ]
    of_pairs = {"loss": "dpo", "data": rows, "text_template": None, "batch_size": 4}
    for name, changes in {"own": {"loss": mean_loss}, "pairs": of_pairs}.items():
        asked = {**alike, "max_steps": 5, **changes}
        one = labkit.finetune(name=f"{name}-1", view=QUIET, **asked)
        two = labkit.finetune(name=f"{name}-2", view=QUIET, processes=2, **asked)
        if name == "pairs":  # a mean of means is another number where rows differ in length
            assert_same(two, one)
        assert losses(two)[0] == pytest.approx(losses(one)[0], rel=0.05)


def test_a_run_whose_other_process_is_killed_says_so_and_goes_on_when_resumed(
    workplace, alike, alone
):
    asked = {**alike, "processes": 2, "save_steps": 2}
    run = labkit.finetune(name="killed", wait=False, **asked)
    until(run, lambda run: (run.last("checkpoint") or {"step": 0})["step"] >= 4)
    (other,) = others_of(run)
    other.kill()
    began = time.monotonic()
    with pytest.raises(RunFailed, match=r"Process 1 of the run .* was killed by SIGKILL"):
        launch.wait(run, QUIET)
    assert time.monotonic() - began < 30
    assert run.last("end")["hint"].startswith("Resume the run")
    assert losses(labkit.resume("killed", view=QUIET)) == pytest.approx(losses(alone), abs=1e-4)
    assert not other.is_running()


def test_no_process_is_left_behind_when_the_first_is_killed(workplace, alike):
    run = labkit.finetune(name="orphans", wait=False, processes=2, **alike)
    until(run, lambda run: run.of("step"))
    (other,) = others_of(run)
    os.kill(run.last("start")["pid"], signal.SIGKILL)
    until(run, lambda run: run.status in FINISHED)
    psutil.wait_procs([other], timeout=30)
    assert not other.is_running()


def test_stopping_stops_all_with_a_whole_checkpoint(workplace, alike, alone):
    run = labkit.finetune(name="stopped", wait=False, processes=2, **alike)
    until(run, lambda run: len(run.of("step")) >= 3)
    run.stop()
    until(run, lambda run: run.status in FINISHED)
    assert run.status == "stopped"
    labkit.resume("stopped", view=QUIET)
    assert_same(run, alone)


def launched(command, run, until_step=None):
    """Run a launcher's command to its end, or kill all of it after a step."""
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    if until_step:
        until(run, lambda run: (run.last("checkpoint") or {"step": 0})["step"] >= until_step)
        every = [*psutil.Process(process.pid).children(recursive=True), process]
        for one in every:
            one.kill()
        psutil.wait_procs(every[:-1], timeout=60)  # the lock goes with them
    _, said = process.communicate(timeout=300)
    return process.returncode, said


def test_a_launcher_goes_on_with_a_run_of_one_process_and_one_with_a_launchers(
    workplace, alike, alone
):
    one = labkit.finetune(name="one", wait=False, save_steps=2, **alike)
    until(one, lambda run: (run.last("checkpoint") or {"step": 0})["step"] >= 4)
    os.kill(one.last("start")["pid"], signal.SIGKILL)
    until(one, lambda run: run.status in FINISHED)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    worker = ["-m", "labkit.worker", str(one.path), "--resume"]
    assert launched([*torchrun, *worker], one)[0] == 0
    assert_same(one, alone)

    two = labkit.prepare(name="two", save_steps=2, **alike).run
    assert not two.of("start")
    launched([*torchrun, "-m", "labkit.worker", str(two.path)], two, until_step=4)
    labkit.resume("two", view=QUIET)
    assert_same(two, alone)


def test_accelerate_trains_what_was_prepared(workplace, alike, alone):
    prepared = labkit.prepare(name="ready", processes=2, **alike)
    assert prepared.command == "accelerate launch --num_processes 2 -m labkit.worker runs/ready"
    command = prepared.command.replace("launch", "launch --cpu").split()
    tool = [sys.executable, "-m", "accelerate.commands.accelerate_cli", *command[1:]]
    code, said = launched(tool, prepared.run)
    assert code == 0, said[-2000:]
    assert_same(prepared.run, alone)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"processes": 0}, "processes must be from 1 to 64"),
        ({"processes": 9}, "Each of 9 processes must have a row of every micro-batch; got 7"),
        ({"fsdp": True, "method": "qlora"}, "fsdp .* does not go with method: 'qlora'"),
        ({"fsdp": True, "last_layers": 1}, "fsdp .* does not go with last_layers: 1"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(workplace, alike, changes, said):
    with pytest.raises(SpecError, match=said):
        labkit.finetune(**alike | changes)


def test_runs_on_one_base_in_memory_have_one_process(workplace, alike):
    with pytest.raises(SpecError, match="processes must be 1 where adapters share"):
        labkit.finetune(adapters={"a": {}, "b": {"r": 4}}, processes=2, **alike)
    space = {"r": {"type": "int", "low": 2, "high": 4}}
    with pytest.raises(SpecError, match="processes must be 1 where trials share"):
        labkit.sweep(search_space=space, processes=2, **alike)


def test_processes_that_share_the_weights_out_learn_what_one_learns(workplace, alike):
    changes = {"batch_size": 14, "gradient_accumulation_steps": 2, "gradient_checkpointing": True}
    one = labkit.finetune(name="one", view=QUIET, **alike | changes)
    two = labkit.finetune(name="two", view=QUIET, processes=2, fsdp=True, **alike | changes)
    assert_same(two, one)
    norms = [[event["grad_norm"] for event in run.of("step")] for run in (one, two)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-3)
    assert [e["answer"] for e in two.of("sample")] == [e["answer"] for e in one.of("sample")]
    assert "Each of 2 processes holds its part of the weights (FSDP)." in notes(two)


def test_a_whole_model_that_is_shared_out_goes_on_in_one_process_and_the_other_way_round(
    workplace, alike, monkeypatch
):
    whole = {**alike, "method": "full", "lora_dropout": None, "learning_rate": 1e-3}
    whole |= {"save_steps": 2, "max_steps": 8}
    one = labkit.finetune(name="one", view=QUIET, **whole)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]

    parts = labkit.prepare(name="parts", fsdp=True, **whole).run
    launched([*torchrun, "-m", "labkit.worker", str(parts.path)], parts, until_step=4)
    assert parts.last("step")["step"] < 8
    labkit.resume("parts", view=QUIET)

    later = labkit.finetune(name="later", wait=False, **whole)
    until(later, lambda run: (run.last("checkpoint") or {"step": 0})["step"] >= 4)
    os.kill(later.last("start")["pid"], signal.SIGKILL)
    until(later, lambda run: run.status in FINISHED)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")  # as `accelerate launch --use_fsdp` sets it
    code, said = launched([*torchrun, "-m", "labkit.worker", str(later.path), "--resume"], later)
    assert code == 0, said[-2000:]
    assert any("its part of the weights (FSDP)" in text for text in notes(later))

    expected = load_file(one.learned / "model.safetensors")
    for run in (parts, later):
        assert losses(run) == pytest.approx(losses(one), abs=1e-4)
        for name, tensor in load_file(run.learned / "model.safetensors").items():
            assert torch.allclose(tensor, expected[name], atol=2e-3), name


def test_a_lost_loss_of_one_process_is_looked_into_by_all_that_share_the_weights(workplace, alike):
    def lost_in_long_rows(model_output, batch):
        import torch

        logits, labels = model_output.logits[:, :-1], batch["labels"][:, 1:]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return loss * float("nan") if batch["labels"].shape[1] > 20 else loss

    words = ["the cat", "a dog", "one bird", "two fish"] * 5
    rows = [{"prompt": f"{text} is", "completion": " blue"} for text in words]
    parts = {
        "train": [*rows, {"prompt": "the cat " * 20, "completion": " blue"}],
        "validation": [{"prompt": f"this {text} is", "completion": " blue"} for text in words[:4]],
    }
    asked = {**alike, "data": parts, "text_template": None, "loss": lost_in_long_rows}
    asked |= {"batch_size": 8, "gradient_accumulation_steps": 2}
    with pytest.raises(RunFailed, match=r"not a finite number at step .* counted from 0: .*\b20\b"):
        labkit.finetune(name="lost", processes=2, fsdp=True, view=QUIET, **asked)
