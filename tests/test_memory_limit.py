"""Runs under real limits: memory, file size, folders that cannot be written."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import labkit
from labkit.errors import RunError
from labkit.machine import MIB
from labkit.run import Run, create
from labkit.spec import FinetuneSpec

pytestmark = pytest.mark.process

LIMIT = 1500 * MIB
"""Enough for PyTorch and a model of 100 MiB, not for a batch of it."""

SECONDS = 600
"""No run here hangs; on a machine that is busy it may take minutes."""

LEARN = """
import json, sys, labkit
from labkit.report import SilentView
try:
    labkit.finetune(name=sys.argv[1], view=SilentView(), **json.loads(sys.argv[2]))
except labkit.LabError as error:
    print(error)
print("the notebook lives")
"""


@pytest.fixture(scope="module")
def wide(tiny_model, tmp_path_factory):
    """A model whose activations take 128 KiB a token and layer, and 30 long rows."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide")
    config = LlamaConfig.from_pretrained(tiny_model, intermediate_size=32_768)
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder / "model")
    rows = [
        {"text": f"{word} {number} " + "the cat sleeps " * 30, "kind": word}
        for word in ("cat", "dog", "fish")
        for number in range(10)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "model": str(folder / "model"),
        "data": str(folder / "rows.jsonl"),
        "text_template": "word: {text}\nkind: {kind}",
        "precision": "fp32",
        "packing": "padded",
        "max_steps": 1,
        "n_samples": 0,
    }


@contextlib.contextmanager
def memory_group():
    """Give a new memory cgroup with the limit, or None where none can be made."""
    for parent, name in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup") / parent / f"labkit-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / name).write_text(str(LIMIT))
        except OSError:
            group.rmdir()
            continue
        yield group
        deadline = time.monotonic() + 10  # for the supervisor on its way out
        while (group / "cgroup.procs").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        group.rmdir()
        return
    yield None


def learn(name, settings):
    """Fine-tune in a process tree with little memory and return what its notebook side said."""
    with memory_group() as group:

        def enter():
            if group:
                (group / "cgroup.procs").write_text(str(os.getpid()))
            else:
                resource.setrlimit(resource.RLIMIT_AS, (6 * 1024 * MIB,) * 2)

        done = subprocess.run(
            [sys.executable, "-c", LEARN, name, json.dumps(settings)],
            capture_output=True, text=True, timeout=SECONDS, preexec_fn=enter,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def work(path, limit, value):
    """Do a run's job in a process with a limit and return its last word."""
    subprocess.run(
        [sys.executable, "-m", "labkit.worker", str(path)],
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(limit, (value, value)),
    )
    return Run(path).last("end")


def test_a_run_over_the_memory_limit_is_refused_and_what_is_suggested_fits(workplace, wide):
    big = wide | {"batch_size": 24, "max_length": 250}
    said = learn("big", big)
    assert said[-1] == "the notebook lives"
    run = Run("big")
    assert run.status == "failed"
    assert not run.of("plan")  # nothing was loaded
    plan = json.loads((run.path / "plan.json").read_text())
    assert plan["forecast"]["memory"]["low"] > plan["forecast"]["limit"]
    if plan["forecast"]["limit"] == LIMIT:  # a memory group could be made
        assert "1.46 GiB is the limit" in said[0]
    smaller = plan["lighter"][0]["changes"]
    assert all(f"{name}: " in said[1] for name in smaller)
    assert learn("small", big | smaller) == ["the notebook lives"]
    assert Run("small").status == "done"


def test_a_forced_run_that_memory_kills_says_what_was_in_it_and_what_would_fit(workplace, wide):
    said = learn("forced", wide | {"batch_size": 24, "max_length": 250, "force": True})
    assert said[-1] == "the notebook lives"
    assert "memory limit of 1500 MiB" in said[0] or "not enough memory" in said[0]
    assert "In it, as planned: activations " in said[0]
    assert said[1].strip().startswith("What would fit: ")
    assert Run("forced").last("forecast")  # the record up to there is kept


def test_an_allocation_that_is_refused_is_a_sentence_and_a_traceback(workplace, wide):
    spec = FinetuneSpec(**wide | {"batch_size": 24, "max_length": 250, "force": True})
    run = create("big", "finetune", spec)
    end = work(run.path, resource.RLIMIT_AS, 4 * 1024 * MIB)
    assert end["status"] == "failed"
    assert end["problem"].startswith("There was not enough memory")
    assert "Traceback" in run.log


def test_a_disk_that_takes_no_more_is_a_sentence_and_the_record_is_kept(workplace, settings):
    run = create("full", "finetune", FinetuneSpec(**settings))
    end = work(run.path, resource.RLIMIT_FSIZE, 100_000)  # the adapter is larger
    assert end["status"] == "failed"
    assert "too large" in end["problem"]
    assert run.of("step")
    assert end["hint"]


@pytest.mark.parametrize("place", ["/proc/runs", "a-file/runs"])
def test_a_folder_that_cannot_be_written_is_a_sentence(place, workplace, settings, monkeypatch):
    (workplace / "a-file").write_text("in the way")
    monkeypatch.setenv("LABKIT_RUNS", place)
    with pytest.raises(RunError, match=rf"The folder {place}/mine cannot be written: ") as caught:
        labkit.finetune(name="mine", **settings)
    assert "LABKIT_RUNS" in caught.value.hint


def test_a_signal_by_hand_is_not_called_a_memory_limit(workplace, settings):
    run = labkit.finetune(name="shot", wait=False, **settings | {"max_steps": 10_000})
    while not run.of("step"):
        assert run.status != "failed"
    os.kill(run.last("start")["pid"], signal.SIGKILL)
    with pytest.raises(RunError) as caught:
        labkit.api.attach(run)
    assert "SIGKILL" in caught.value.problem
    assert "memory" not in caught.value.problem
