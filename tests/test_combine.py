"""What cannot be combined is refused in a sentence, before a run is made."""

import json

import pytest

import labkit
from labkit.errors import RunError, SpecError
from labkit.run import all_runs, create
from labkit.spec import FinetuneSpec


def a_run(name, model="base", method="lora", *, head=False, **config):
    """Make the folder of a run that has learned something."""
    run = create(name, "finetune", FinetuneSpec(model=model, method=method, head=head))
    run.adapter.mkdir()
    values = {"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]} | config
    (run.adapter / "adapter_config.json").write_text(json.dumps(values))
    (run.adapter / "adapter_model.safetensors").touch()
    return run


@pytest.fixture
def runs(workplace):
    a_run("a")
    a_run("b", r=4)
    a_run("elsewhere", model="other")
    a_run("dora", method="dora", use_dora=True)
    a_run("bottleneck", method="adapter")
    a_run("pattern", target_modules=".*q_proj")
    a_run("headed", head=True)
    yield
    assert len(all_runs()) == 7


@pytest.mark.parametrize(
    ("names", "settings", "problem"),
    [
        ("a b", {"combine": "linear"}, r"r must be the same for linear; got 8 \(a\) and 4 \(b\)"),
        ("a elsewhere", {}, "one base model; 'a' has base, 'elsewhere' has other"),
        ("a dora", {}, "The adapter of 'dora' cannot be combined: DoRA scales each column"),
        ("a bottleneck", {}, "'bottleneck' cannot be combined: its bottleneck bends"),
        ("a pattern", {}, "all names or all patterns; pattern has a pattern"),
    ],
)
def test_adapters_that_do_not_go_together_are_named(runs, names, settings, problem):
    with pytest.raises((RunError, SpecError), match=problem):
        labkit.combine(names.split(), **settings)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("a", "adapters must be two runs or more, each once; got a"),
        ("a elsewhere", "one base model; 'a' has base, 'elsewhere' has other"),
        ("a headed", "'headed' has a head of its own, which does not go on and off"),
        ("a nothing", "There is no run 'nothing'"),
    ],
)
def test_what_cannot_be_measured_on_one_base_is_named(runs, names, problem):
    with pytest.raises((RunError, SpecError), match=problem):
        labkit.cross_evaluate(names.split())


@pytest.mark.parametrize(
    ("names", "settings", "problem"),
    [
        ("a", {}, "adapters must be two runs or more, each once; got a"),
        ("a a", {}, "adapters must be two runs or more, each once; got a, a"),
        ("a b", {"weights": [0.5]}, "weights must be a number for each of the 2 adapters; got 0.5"),
        ("a b", {"weights": ["much", "1"]}, "got much, 1"),
        ("a b", {"weights": [0, 0]}, "got 0, 0"),
        ("a b", {"combine": "tie"}, "combine must be one of cat, linear, ties"),
        ("a b", {"density": 0.5}, "density goes with ways that drop values, as ties; got 0.5"),
        ("a b", {"svd_rank": 4}, "svd_rank goes with svd; got 4 with cat"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(runs, names, settings, problem):
    with pytest.raises(SpecError, match=problem):
        labkit.combine(names.split(), **settings)
