"""What is asked for again: made once, or refused with what is there."""

import pytest

from labkit import api
from labkit.errors import RunError, SpecError
from labkit.export.kept import FILE, weights_print
from labkit.files import locked, write_json
from labkit.jobs.optimize import request_of
from labkit.run import Recorder, Run, create
from labkit.spec import FinetuneSpec, OptimizeSpec


@pytest.fixture
def exported(workplace, settings):
    """A tuned run with an int8 export that is done, as far as it is looked at before a job."""
    run = create("kinds", "finetune", FinetuneSpec(**settings))
    (run.path / "adapter").mkdir()
    (run.path / "adapter" / "adapter_config.json").write_text("{}")
    export = create("onnx", "optimize", OptimizeSpec(run="kinds", max_kl=0.1), root=run.path)
    (export.path / "int8").mkdir()
    made_of = weights_print(run.learned)
    write_json(export.path / "int8" / FILE, {"fingerprint": f"{made_of}-rows"})
    Recorder(export.path).emit("end", status="done")
    return export


def test_the_same_export_is_not_made_twice(exported):
    with pytest.raises(RunError, match="'kinds' has an int8 export already; that run is done") as e:
        api.optimize("kinds", max_kl=0.1)
    assert "%runs kinds/onnx" in e.value.hint
    assert exported.events()[-1]["kind"] == "end"


def test_an_export_that_is_at_work_is_left_alone(exported):
    with locked(exported.path), pytest.raises(RunError, match="'kinds/onnx' is at work already"):
        api.optimize("kinds", precision="int4")
    assert Run("kinds/onnx").spec.precision == ("int8",)


def test_the_limits_of_a_run_reach_the_ladder():
    asked = request_of(OptimizeSpec(run="tone", precision=("int4", "fp32"), max_drop=0.0))
    assert asked.precisions == ("fp32", "int4")
    assert (asked.gates.max_kl, asked.gates.min_top1, asked.gates.max_drop) == (0.05, 0.9, 0.0)
    assert not asked.accept


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("2m", 120), ("0.5s", 0.5), (None, 0)])
def test_a_time_to_tune_is_read_in_seconds_and_minutes(text, seconds):
    assert OptimizeSpec(run="tone", tune=text).tune_seconds == seconds


def test_a_time_without_a_unit_is_a_mistake():
    with pytest.raises(
        SpecError, match="tune must be a time in seconds, minutes or hours; got '60'"
    ):
        OptimizeSpec(run="tone", tune="60")
