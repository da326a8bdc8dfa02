"""An exported model is found by the run it came from, by its own run, or by its folder."""

import json

import pytest

from labkit.errors import ExportError, RunError, SpecError
from labkit.run import Run, create
from labkit.runtime.find import find_model
from labkit.spec import FinetuneSpec, OptimizeSpec


def export(name, *kept, **metrics):
    """Make what an export leaves, without a graph's content."""
    run = create(f"{name}/onnx", "optimize", OptimizeSpec(run=name))
    for precision in kept:
        (run.path / precision).mkdir()
        (run.path / precision / "model.onnx").touch()
    if metrics:
        (run.path / "metrics.json").write_text(json.dumps(metrics))
    return run


@pytest.fixture
def tone(workplace):
    """A run with two exports, of which the ladder chose one, and one that was refused."""
    tuned = create("tone", "finetune", FinetuneSpec())
    reason = "The mean KL of int4 must be at most 0.05 nats per token; got 0.35."
    rungs = {"int8": {"verdict": "passed"}, "int4": {"verdict": "refused", "reasons": [reason]}}
    export("tone", "fp32", "int8", chosen="int8", rungs=rungs)
    return tuned


def test_the_chosen_precision_is_taken_or_the_one_that_is_asked_for(tone):
    assert find_model("tone") == find_model(tone) == tone.path / "onnx" / "int8"
    assert find_model("tone", "fp32") == tone.path / "onnx" / "fp32"
    assert find_model(tone.path) == find_model("tone/onnx") == tone.path / "onnx" / "int8"
    assert find_model(Run("tone/onnx"), "fp32") == tone.path / "onnx" / "fp32"


def test_a_model_is_found_by_its_folder_wherever_it_was_copied(tone, tmp_path_factory):
    there = tmp_path_factory.mktemp("elsewhere")
    copied = (tone.path / "onnx" / "int8").rename(there / "mine")
    assert find_model(copied) == find_model(str(copied)) == copied
    with pytest.raises(SpecError, match="mine is one model; got 'int8'"):
        find_model(copied, "int8")


def test_a_base_model_with_adapters_is_found_by_its_name(workplace):
    run = export("smollm2-135m", "int8", chosen="int8")
    assert find_model("smollm2-135m").resolve() == run.path / "int8"


def test_without_a_word_of_the_ladder_the_smallest_precision_is_taken(workplace):
    create("tone", "finetune", FinetuneSpec())
    run = export("tone", "fp32", "int8")
    assert find_model("tone") == run.path / "int8"


@pytest.mark.parametrize(
    ("named", "precision", "problem", "hint"),
    [
        (
            "tone",
            "int4",
            "The int4 export of 'tone' was refused. "
            "The mean KL of int4 must be at most 0.05 nats per token; got 0.35.",
            "%optimize tone --precision int4 --accept keeps it nevertheless.",
        ),
        (
            "plain",
            None,
            "'plain' has no ONNX export.",
            "Make it first: %optimize plain.",
        ),
        (
            "plain",
            "int8",
            "'plain' has no int8 export.",
            "Make it first: %optimize plain --precision int8.",
        ),
        (
            "some/onnx",
            "int8",
            "'some/onnx' has no int8 export; there is fp32.",
            "Make it first: %optimize some --precision int8.",
        ),
        (
            "some",
            None,
            "None of the exports of 'some' was chosen; there is fp32.",
            "Name one, for example precision='fp32'.",
        ),
        ("tony", None, "There is no run 'tony' in runs.", "Did you mean 'tone'?"),
        (
            "smollm2-135m",
            None,
            "'smollm2-135m' has no export with adapters.",
            "Make it first: %optimize smollm2-135m --adapters RUN.",
        ),
    ],
)
def test_what_is_not_there_is_said_with_the_line_that_makes_it(
    tone, named, precision, problem, hint
):
    create("plain", "finetune", FinetuneSpec())
    create("some", "finetune", FinetuneSpec())
    export("some", "fp32", chosen=None, rungs={})
    with pytest.raises(RunError) as caught:
        find_model(named, precision)
    assert (caught.value.problem, caught.value.hint) == (problem, hint)


def test_a_precision_that_does_not_exist_and_a_folder_without_a_model_are_refused(tone):
    with pytest.raises(SpecError, match="fp32, int8 or int4; got 'int3'"):
        find_model("tone", "int3")
    (tone.path / "empty").mkdir()
    with pytest.raises(ExportError, match=r"empty holds no model\.onnx"):
        find_model(tone.path / "empty")
    (tone.path / "onnx" / "metrics.json").write_text("{")
    with pytest.raises(ExportError, match=r"metrics\.json cannot be read"):
        find_model("tone")
