"""One real kernel, spoken to as JupyterLab speaks to it: what a cell shows, ■, restart, kills."""

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labkit.run import FINISHED, Run

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("workplace")]

LONG = {"max_steps": 100_000, "eval_steps": 50_000}


@dataclass
class Output:
    """What a cell showed, as its messages told."""

    shown: list = field(default_factory=list)
    """Contents of display_data and execute_result."""

    updates: list = field(default_factory=list)
    """Contents of update_display_data."""

    said: str = ""
    """Standard output and standard error."""

    error: list | None = None
    """Lines of the error."""


class Kernel:
    """A kernel process in a folder, and the client that asks it."""

    def __init__(self, folder):
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder), env=os.environ | {"IPYTHONDIR": str(folder)})
        self._connect()

    def run(self, code, until=lambda output: False, then=lambda: None, seconds=60):
        """Run a cell to its end; the first time `until` holds of its output, do `then`."""
        asked, output, is_done = self.client.execute(code), Output(), False
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, output
            message = self.client.get_iopub_msg(timeout=seconds)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["content"].get("execution_state") == "idle":
                return output
            record(output, message)
            if not is_done and until(output):
                is_done = True
                then()

    def wait_for(self, code, variable="ready"):
        """Run a cell again and again until it makes a variable true."""
        deadline = time.monotonic() + 60
        while "True" not in self.run(f"{code}\nprint({variable})").said:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def restart(self, *, now=False):
        """Restart as the ⟳ button does (interrupt, ask, kill), or kill at once."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=now)
        self._connect()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def _connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.run("%load_ext labkit")


def record(output, message):
    kind, content = message["header"]["msg_type"], message["content"]
    if kind in ("display_data", "execute_result"):
        output.shown.append(content)
    elif kind == "update_display_data":
        output.updates.append(content)
    elif kind == "stream":
        output.said += content["text"]
    elif kind == "error":
        output.error = content["traceback"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def kernel(folder):
    kernel = Kernel(folder)
    yield kernel
    kernel.close()


def steps_of(name):
    """Return a condition: the run has taken steps, and its cell has shown something."""
    return lambda output: bool(output.updates and Run(name).of("step"))


def until_ended(run):
    deadline = time.monotonic() + 60
    while run.status not in FINISHED:
        assert time.monotonic() < deadline, run.events()[-3:]
        time.sleep(0.02)


def newest_checkpoint(run):
    return max((run.path / "checkpoints").iterdir(), key=lambda path: path.stat().st_mtime)


def test_a_run_is_one_output_updated_in_place_and_saved_as_static_html_and_text(kernel, cell):
    output = kernel.run(cell("shown"))
    assert output.error is None
    assert output.said == ""
    assert len(output.shown) == 1
    assert output.updates
    name = output.shown[0]["transient"]["display_id"]
    assert {update["transient"]["display_id"] for update in output.updates} == {name}
    saved = output.updates[-1]["data"]
    assert set(saved) == {"text/html", "text/plain"}
    assert "<script" not in saved["text/html"]
    assert "http" not in saved["text/html"].replace("http://www.w3.org", "")
    for form in saved.values():
        assert "shown" in form
        assert "done" in form


def test_the_kernel_never_imports_torch_and_knows_the_run_by_name(kernel):
    output = kernel.run(
        "import sys\nprint(shown.status, shown.metrics['n'] > 0)\n"
        "print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    )
    assert output.said.split("\n") == ["done True", "[]", ""]


def test_a_run_as_the_last_value_of_a_cell_is_shown_like_its_record(kernel):
    output = kernel.run("shown")
    assert set(output.shown[0]["data"]) == {"text/html", "text/plain"}
    assert "labkit-run" in output.shown[0]["data"]["text/html"]


def test_a_static_cell_shows_its_record_once_at_the_end(kernel, cell):
    kernel.run("import os; os.environ['LABKIT_STATIC'] = '1'")
    output = kernel.run(cell("still", max_steps=2))
    kernel.run("del os.environ['LABKIT_STATIC']")
    assert len(output.shown) == 1
    assert not output.updates
    assert "done" in output.shown[0]["data"]["text/plain"]


def test_a_typo_in_a_cell_is_two_lines(kernel):
    output = kernel.run("%%finetune x\nlerning_rate: 1")
    assert output.error == [
        "SpecError: There is no setting 'lerning_rate'.",
        "  Did you mean 'learning_rate'?",
    ]
    assert output.said == ""


def test_an_interrupted_cell_ends_with_a_whole_checkpoint_and_a_living_kernel(kernel, cell):
    output = kernel.run(
        cell("halted", **LONG), until=steps_of("halted"), then=kernel.manager.interrupt_kernel
    )
    run = Run("halted")
    reached = run.of("step")[-1]["step"]
    assert output.error == [
        f"RunStopped: The run 'halted' was stopped at step {reached} of 100000; "
        "its checkpoint is whole.",
        "  %finetune --resume halted goes on from there.",
    ]
    assert "stopped" in output.updates[-1]["data"]["text/plain"]
    assert kernel.run("print(halted.status)").said == "stopped\n"
    assert is_whole(newest_checkpoint(run))
    kernel.run("%finetune --background --resume halted")
    kernel.wait_for(f"ready = len(halted.of('step')) > {reached}")
    assert [step["step"] for step in run.of("step")][: reached + 1] == list(range(1, reached + 2))
    run.stop()
    until_ended(run)


def is_whole(checkpoint):
    """Tell whether weights, optimizer and position of a checkpoint can be read."""
    import json

    import torch
    from safetensors.torch import load_file

    weights = load_file(checkpoint / "adapter_model.safetensors")
    torch.load(checkpoint / "optimizer.pt", weights_only=True)
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    return bool(weights) and checkpoint.name.endswith(str(state["global_step"]))


@pytest.mark.parametrize("now", [False, True], ids=["restarted", "killed"])
def test_a_new_kernel_finds_its_run_going_and_attaches(now, kernel, cell):
    name = f"kept-{now}"
    kernel.client.execute(cell(name, **LONG))
    deadline = time.monotonic() + 60
    while not ((Path("runs") / name / "spec.yaml").exists() and Run(name).of("step")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kernel.restart(now=now)
    before, worker = len(Run(name).of("step")), Run(name).last("start")["pid"]
    kernel.run(f"import labkit\nkept = labkit.Run({name!r})")
    kernel.wait_for(f"ready = kept.is_alive and len(kept.of('step')) > {before}")
    output = kernel.run(
        f"%runs {name}", until=lambda output: output.updates, then=kernel.manager.interrupt_kernel
    )
    assert output.error[0].startswith(f"RunStopped: The run {name!r} was stopped at step")
    assert "running" in output.shown[0]["data"]["text/plain"]
    assert Run(name).last("start")["pid"] == worker


def test_a_killed_worker_is_two_lines_in_the_cell_and_the_kernel_lives(kernel, cell):
    def kill():
        os.kill(Run("shot").last("start")["pid"], signal.SIGKILL)

    output = kernel.run(cell("shot", **LONG), until=steps_of("shot"), then=kill)
    assert len(output.error) == 2
    assert output.error[0].startswith("RunFailed: The worker was killed by SIGKILL at step")
    assert "Resume the run" in output.error[1]
    assert kernel.run("print(shot.status)").said == "failed\n"


def test_a_closed_kernel_leaves_no_supervisor_behind(kernel):
    import psutil

    children = psutil.Process(kernel.manager.provisioner.pid).children()
    supervisors = [child for child in children if "labkit.supervisor" in child.cmdline()]
    assert len(supervisors) == 1
    kernel.restart()
    _, alive = psutil.wait_procs(supervisors, timeout=30)
    assert not alive
