"""Good practices from a call to the report, on a tiny model: one run that uses several at once."""

import pytest

import labkit
from labkit.report import SilentView

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("practices")


@pytest.fixture
def run(workplace, settings):
    """A run with accumulation, restarts, adapters on the last layer and TensorBoard logs."""
    if (workplace / "runs/mine").exists():
        return labkit.Run("mine")
    return labkit.finetune(
        name="mine", view=SilentView(), last_layers=1, gradient_accumulation_steps=2,
        lr_scheduler_type="cosine_with_restarts", report_to="tensorboard", **settings,
    )  # fmt: skip


def test_the_effective_batch_stands_in_the_record_and_in_the_report(run):
    assert run.last("plan")["batch"] == "batch 4 = 2 micro-batches x 2 rows"
    shown = (run.path / "report.html").read_text()
    assert "4 rows per step = 2 micro-batches x 2 rows" in shown
    assert "falls 3 times along a cosine" in shown


def test_frozen_layers_are_computed_once_and_the_run_says_so(run):
    said = [event["text"] for event in run.of("note")]
    assert any("The first 1 of 2 layers learn nothing" in text for text in said)
    assert run.of("step")[-1]["loss"] < run.of("step")[0]["loss"]


def test_the_logs_hold_what_the_record_holds(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = EventAccumulator(str(run.path / "tensorboard"))
    logs.Reload()
    losses = {event.step: event.value for event in logs.Scalars("step/loss")}
    assert losses == pytest.approx({event["step"]: event["loss"] for event in run.of("step")})
    assert {"eval/eval_loss", "step/learning_rate", "plan/trainable"} <= set(logs.Tags()["scalars"])
    assert "sample/text_summary" in logs.Tags()["tensors"]


def test_the_use_of_the_machine_is_recorded(run):
    first = run.of("resources")[0]
    assert first["bytes"] > 50 * 2**20
    assert first["cpu"] >= 0
    assert first["limit"] >= first["bytes"]


def test_a_preview_draws_the_learning_rate_before_anything_is_trained(workplace, settings):
    shown = labkit.preview(**settings | {"max_steps": None, "num_train_epochs": 2})
    steps = -(-len(shown.splits.train) // 4) * 2
    assert f"until the last of {steps} steps; batch 4." in repr(shown)
    html = shown._repr_html_()
    assert html.count("<img") == 2
    assert "What memory consists of" in html
    assert "rises from 0 to 0.005" in html
