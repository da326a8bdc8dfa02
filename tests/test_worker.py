"""The main path on a tiny model: one worker process a run, whatever happens to it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from waiting import until

import labkit
from labkit import launch
from labkit.errors import DataError, RunError, RunFailed, RunStopped, SpecError
from labkit.report import SilentView
from labkit.run import FINISHED, Run

pytestmark = pytest.mark.process

QUIET = SilentView()


def adapter(run):
    return (run.adapter / "adapter_model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, settings):
    """The folder of a run that was left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_RUNS", str(tmp_path_factory.mktemp("trained")))
        return labkit.finetune(name="first", view=QUIET, **settings).path


@pytest.fixture
def done(workplace, trained):
    """A copy of it as the run `first` of the workplace."""
    shutil.copytree(trained, workplace / "runs" / "first")
    return Run("first")


def test_a_run_ends_with_an_adapter_numbers_a_report_and_a_card(done):
    assert done.status == "done"
    assert [event["step"] for event in done.of("step")] == list(range(1, 13))
    assert done.of("step")[-1]["loss"] < done.of("step")[0]["loss"]
    assert done.metrics["tuned"]["n"] == done.metrics["base"]["n"] > 0
    assert done.metrics["adapter"]["trainable"] > 0
    for name in ("adapter/adapter_config.json", "report.html", "README.md", "env.json", "log.txt"):
        assert (done.path / name).stat().st_size > 0 or name == "log.txt"


def test_the_same_spec_gives_the_same_adapter_by_function_command_and_cell(
    done, settings, workplace, shell
):
    command = [sys.executable, "-m", "labkit", "finetune", "spec.yaml", "--name", "second"]
    (workplace / "spec.yaml").write_text(labkit.FinetuneSpec(**settings).to_yaml())
    subprocess.run(command, check=True, capture_output=True)
    shell.run_cell(f"%%finetune third\n{labkit.FinetuneSpec(**settings).to_yaml()}")
    assert adapter(Run("second")) == adapter(done) == adapter(Run("third"))
    assert shell.user_ns["third"].status == "done"


def test_a_killed_run_says_so_and_resumes_to_the_same_adapter(done, settings):
    run = labkit.finetune(name="killed", wait=False, **settings)
    until(run, lambda run: len(run.of("step")) >= 7)
    os.kill(run.last("start")["pid"], signal.SIGKILL)
    with pytest.raises(RunFailed, match=r"was killed by SIGKILL at step \d+ of 12"):
        labkit.api.attach(run, view=QUIET)
    assert labkit.resume("killed", view=QUIET).status == "done"
    assert adapter(run) == adapter(done)


@pytest.mark.parametrize("how", ["file", "SIGTERM"])
def test_a_stopped_run_keeps_a_whole_checkpoint_and_resumes_to_the_same_adapter(
    how, done, settings
):
    run = labkit.finetune(name="stopped", wait=False, **settings)
    until(run, lambda run: run.of("step"))
    run.stop() if how == "file" else os.kill(run.last("start")["pid"], signal.SIGTERM)
    with pytest.raises(RunStopped, match=r"stopped at step \d+ of 12; its checkpoint is whole"):
        labkit.api.attach(run, view=QUIET)
    assert labkit.resume("stopped", view=QUIET).status == "done"
    assert adapter(run) == adapter(done)


def test_an_interrupted_cell_stops_the_run_and_says_how_to_go_on(workplace, settings):
    class Impatient(SilentView):
        def update(self, run):
            if run.of("step"):
                self.update = lambda _run: None
                raise KeyboardInterrupt

    with pytest.raises(RunStopped, match="%finetune --resume mine"):
        labkit.finetune(name="mine", view=Impatient(), **settings)
    assert Run("mine").status == "stopped"


def test_a_broken_view_does_not_end_a_run(workplace, settings):
    class Broken(SilentView):
        def update(self, run):
            raise ZeroDivisionError

    with pytest.warns(UserWarning, match="stopped drawing"):
        run = labkit.finetune(name="mine", view=Broken(), **settings | {"max_steps": 2})
    assert run.status == "done"


def test_a_fault_inside_the_worker_is_a_sentence_and_a_traceback_in_the_log(
    workplace, settings, tiny_model
):
    model = workplace / "broken"
    model.mkdir()
    for file in tiny_model.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    (model / "tokenizer.json").write_bytes(b"{")
    with pytest.raises(RunFailed, match=r"The worker failed with"):
        labkit.finetune(name="mine", view=QUIET, **settings | {"model": str(model)})
    assert "Traceback" in Run("mine").log
    assert Run("mine").status == "failed"


def test_weights_that_are_cut_off_are_named(workplace, settings, tiny_model):
    model = workplace / "cut"
    model.mkdir()
    for file in tiny_model.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    (model / "model.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(labkit.LabError, match=r"model\.safetensors is no whole safetensors file"):
        labkit.finetune(name="mine", view=QUIET, **settings | {"model": str(model)})


@pytest.mark.parametrize(
    ("change", "error", "problem"),
    [
        ({"model": "smollm2-136m"}, labkit.LabError, "smollm2-135m"),
        ({"data": "no/such.csv"}, DataError, "no/such.csv"),
        ({"text_template": "{txt} {kind}"}, LookupError, "text"),
        ({"learning_rate": 7.0}, SpecError, "learning_rate must be above 0"),
    ],
)
def test_a_typo_is_answered_at_once_and_leaves_no_run(change, error, problem, workplace, settings):
    error = labkit.LabError if error is LookupError else error
    start = time.monotonic()
    with pytest.raises(error, match=problem):
        labkit.finetune(name="mine", **settings | change)
    assert time.monotonic() - start < 1
    assert not (workplace / "runs").exists()


def test_a_second_run_of_the_same_name_is_refused(done, settings):
    before = adapter(done)
    with pytest.raises(RunError, match="already a run named 'first'"):
        labkit.finetune(name="first", **settings)
    assert adapter(done) == before


def test_a_run_that_is_done_has_nothing_to_resume(done):
    with pytest.raises(RunError, match="nothing to resume"):
        labkit.resume("first")


def test_a_run_cannot_get_a_second_worker(workplace, settings):
    run = labkit.finetune(name="mine", wait=False, **settings)
    until(run, lambda run: run.of("step"))
    with pytest.raises(RunError, match="has a worker already"):
        launch.start(run)
    run.stop()
    until(run, lambda run: run.status in FINISHED)


def test_rows_of_the_notebook_travel_with_the_run(workplace, settings, words):
    rows = [json.loads(line) for line in words.read_text().splitlines()]
    run = labkit.finetune(name="mine", view=QUIET, **settings | {"data": rows, "max_steps": 2})
    assert run.status == "done"
    assert run.path in [*__import__("pathlib").Path(run.spec.data).parents]


def test_a_preview_shows_a_row_and_makes_nothing(workplace, settings):
    shown = repr(labkit.preview(**settings))
    assert "word: the cat\nkind:⟶ animal" in shown or "kind:⟶" in shown
    assert not (workplace / "runs").exists()


def test_answers_come_from_the_base_and_from_the_adapter(done):
    base, tuned = (
        labkit.generate(["the cat", "a red"], run="first", source=source, max_new_tokens=4)
        for source in ("base", "adapter")
    )
    assert len(base) == len(tuned) == 2
    assert base != tuned


def test_the_notebook_side_never_imports_torch(workplace, settings):
    code = (
        "import sys, labkit, json\n"
        f"labkit.finetune(name='mine', **json.loads({json.dumps(settings)!r}))\n"
        "print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def test_an_export_answers_without_torch_being_imported_anywhere(tiny_fp32, workplace):
    code = (
        "import shutil, sys, labkit\n"
        "from pathlib import Path\n"
        "from labkit import launch, run, spec\n"
        "made = run.create('tone', 'finetune', spec.FinetuneSpec())\n"
        f"shutil.copytree({str(tiny_fp32)!r}, made.path / 'onnx' / 'fp32')\n"
        "said = labkit.generate('hello', run='tone', source='fp32', max_new_tokens=3)\n"
        "maps = Path(f'/proc/{launch._process.pid}/maps').read_text()\n"
        "print(len(said), 'libtorch' in maps, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False", "False"]


def test_bitsandbytes_is_imported_by_runs_in_4_bits_alone(tiny_model):
    code = (
        "import sys; from labkit.supervisor import preload; preload()\n"
        "from pathlib import Path\n"
        "from labkit.spec import FinetuneSpec\n"
        "from labkit.training import add_adapter, load_model\n"
        "for method in ('lora', 'qlora'):\n"
        "    spec = FinetuneSpec(method=method)\n"
        f"    model = add_adapter(load_model(Path({str(tiny_model)!r}), spec), spec)\n"
        "    layer = model.get_base_model().model.layers[0].self_attn.q_proj\n"
        "    print(type(layer).__module__, 'bitsandbytes' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "peft.tuners.lora.layer False",
        "peft.tuners.lora.bnb True",
    ]
