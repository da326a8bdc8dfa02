"""A loss of one's own from a cell to the worker and back."""

import math
import time
from collections import Counter

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight
from test_jobs import learn

import labkit
from labkit import api, report, sent
from labkit.cli import main
from labkit.errors import RunFailed, RunStopped, SpecError
from labkit.jobs.learning import label_weights
from labkit.report import SilentView
from labkit.report.page import page
from labkit.run import Run, create
from labkit.spec import FinetuneSpec


def test_weights_of_labels_are_those_of_scikit_learn_or_as_written():
    labels = ["joy"] * 6 + ["anger"] * 2 + ["fear"]
    found = label_weights("balanced", labels)
    names = sorted(Counter(labels))
    expected = compute_class_weight("balanced", classes=np.array(names), y=labels)
    assert [found[name] for name in names] == pytest.approx(list(expected))
    found = label_weights(("anger=2", "joy=0.5"), labels)
    assert [found[name] for name in names] == [2, 1, 0.5]
    for text, said in (("angr=2", "anger"), ("joy=-1", "above 0"), ("joy", "joy")):
        with pytest.raises(SpecError) as error:
            label_weights((text,), labels)
        assert said in str(error.value)


def test_a_name_that_is_no_loss_here_is_refused_before_a_run_is_made(workplace, settings):
    with pytest.raises(SpecError, match="There is no loss 'focl'") as found:
        labkit.finetune(**settings, loss="focl")
    assert "focal" in found.value.hint
    with pytest.raises(SpecError, match="must have a name"):
        api.preview(**settings, loss=lambda output, batch: output.logits.mean())
    assert not list(workplace.glob("**/spec.yaml"))


@pytest.mark.process
def test_a_loss_of_a_cell_is_learned_from_and_kept_with_the_run(workplace, shell, cell):
    shell.run_cell(
        "import torch\nSCALE = 3.0\n"
        "def parts(output, batch):\n"
        "    return output.logits[:, :-1].flatten(0, 1), batch['labels'][:, 1:].flatten()\n"
        "class Scaled(torch.nn.Module):\n"
        "    def forward(self, output, batch):\n"
        "        return SCALE * torch.nn.functional.cross_entropy(*parts(output, batch))\n"
        "scaled = Scaled()\n"
        "def tripled(model_output, batch):\n"
        "    return scaled(model_output, batch)\n"
    )
    shell.run_cell(cell("own", max_steps=2, loss="tripled"))
    labkit.finetune(Run("own").spec, name="usual", loss="cross_entropy", view=SilentView())
    own, usual = (Run(name).of("step")[0]["loss"] for name in ("own", "usual"))
    assert own == pytest.approx(3 * usual, rel=1e-4)
    notes = " ".join(note["text"] for note in Run("own").of("note"))
    assert "the function tripled" in notes
    assert "padded, not packed: the loss tripled is given all logits" in notes
    assert "def tripled" in (Run("own").path / "loss.py").read_text()
    assert math.isfinite(Run("own").metrics["training"]["best_eval_loss"])


LOSSES = """
import torch
WEIGHT = 2.0
def doubled(model_output, batch):
    logits, labels = model_output.logits[:, :-1], batch["labels"][:, 1:]
    return WEIGHT * torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
"""


@pytest.mark.process
def test_a_loss_of_a_file_is_learned_from_the_command_line_and_resumed_as_if_whole(
    workplace, settings
):
    (workplace / "losses.py").write_text(LOSSES)
    asked = settings | {"loss": "losses.py:doubled", "max_steps": 40, "eval_steps": 20}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in asked.items()]
    main(["finetune", "--name", "whole", *flags])
    whole = Run("whole")
    assert "the function doubled" in " ".join(note["text"] for note in whole.of("note"))

    assert "as doubled returns it at step 40" in page(whole)
    assert "nats" not in report.line(whole)

    run = labkit.finetune(**asked, name="cut", view=SilentView(), wait=False)
    while not run.of("step"):
        time.sleep(0.01)
    run.stop()
    with pytest.raises(RunStopped):
        api.attach(run, view=SilentView())
    (workplace / "losses.py").unlink()  # the folder of the run has the function
    function = (run.path / "loss.pkl").read_bytes()
    (run.path / "loss.pkl").write_bytes(sent.pack(len))
    with pytest.raises(RunFailed, match="was not written here by you"):
        labkit.resume("cut", view=SilentView())
    (run.path / "loss.pkl").write_bytes(function)
    main(["finetune", "--resume", "cut"])
    steps = [[step["loss"] for step in one.of("step")] for one in (run, whole)]
    assert steps[0] == steps[1]


@pytest.mark.process
def test_a_run_teaches_another_and_one_that_is_not_done_does_not(workplace, settings):
    learn(settings, "teacher", max_steps=4)
    asked = {"loss": "distillation", "teacher_weight": 1.0, "max_steps": 12, "warmup_ratio": 0.0}
    steps = learn(settings, "student", teacher="teacher", **asked).of("step")
    assert 0 < steps[-1]["loss"] < steps[0]["loss"]
    create("half", "finetune", FinetuneSpec(**settings))
    with pytest.raises(SpecError, match="'half' is finetune, waiting"):
        learn(settings, "other", teacher="half", **asked)
