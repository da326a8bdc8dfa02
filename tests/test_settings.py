import pytest

from labkit.errors import SpecError
from labkit.settings import docs_of
from labkit.spec import (
    METHODS,
    EvaluateSpec,
    FinetuneSpec,
    GenerateSpec,
    MergeSpec,
    OptimizeSpec,
)


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ("r: 0", "r must be from 1 to 1024 (rank); got 0.", "The default is 16."),
        ("r: '8'", "r must be of type int; got '8'.", "The default is 16."),
        ("seed: true", "seed must be of type int; got True.", "The default is 0."),
        ("learning_rate: .nan", "learning_rate must be above 0 and at most 1", "0.0005"),
        ("learning_rate: 0", "learning_rate must be above 0 and at most 1", "0.0005"),
        ("lora_apha: 32", "There is no setting 'lora_apha'.", "Did you mean 'lora_alpha'?"),
        ("colour: 1", "There is no setting 'colour'.", "Settings: model, data,"),
        ("precision: fp23", "precision must be one of auto, fp32, bf16", "Did you mean 'fp32'?"),
        ("target_modules: [1]", "target_modules must be of type text or list of texts", "linear"),
        ("r = 8", "The settings must be name: value lines", "learning_rate: 5e-4"),
        ("r: [", "The settings are not YAML in line 1", "learning_rate: 5e-4"),
        ("text_template: ### Q: {q}", "Line 1 has no value", 'in "quotes"'),
        ("prompt_template: '{a}'", "prompt_template and completion_template go", "Give both"),
        ("method: full\nr: 8", "The method full has no setting r; got 8.", "or take lora, qlora"),
        ("method: ia3\nr: x", "r must be of type int; got 'x'.", "ia3"),
        ("method: adapter\nr: 0", "r must be from 1 to 1024 (rank); got 0.", "default is 64."),
        ("method: loraa", "method must be one of full, lora", "Did you mean 'lora'?"),
        ("head: true\ntask: generation", "head must be false for task 'generation'", "labels"),
        ("num_cycles: 2", "num_cycles goes with lr_scheduler_type cosine_with_rest", "out"),
        ("batch_size: 6\ngradient_accumulation_steps: 4", "batch_size must be a multiple", "8."),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule_its_value_and_a_way_out(line, problem, hint):
    with pytest.raises(SpecError) as caught:
        FinetuneSpec.from_yaml(line)
    assert caught.value.problem.startswith(problem)
    assert hint in caught.value.hint


def test_numbers_are_read_by_the_rules_of_yaml_1_2():
    spec = FinetuneSpec.from_yaml("learning_rate: 1e-4\nnum_train_epochs: 2\nmodel: no")
    assert (spec.learning_rate, spec.num_train_epochs, spec.model) == (0.0001, 2.0, "no")


def test_a_missing_setting_is_named():
    with pytest.raises(SpecError, match=r"^run is missing\."):
        OptimizeSpec.from_mapping({})


def test_a_spec_written_as_yaml_reads_back_equal():
    spec = FinetuneSpec(
        text_template="### Phrase: {phrase}\n### Tone: {tone}",
        target_modules=("q_proj", "v_proj"),
        learning_rate=1e-4,
        limit=20,
    )
    assert FinetuneSpec.from_yaml(spec.to_yaml()) == spec
    assert FinetuneSpec.from_yaml(spec.to_yaml(changed_only=True)) == spec


@pytest.mark.parametrize(
    "spec", [FinetuneSpec, OptimizeSpec, GenerateSpec, EvaluateSpec, MergeSpec]
)
def test_every_setting_says_what_it_means(spec):
    assert list(docs_of(spec)) == list(spec.__dataclass_fields__)
    assert all(docs_of(spec).values())


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_its_own_defaults_and_no_setting_of_others(method):
    spec = FinetuneSpec(method=method)
    of_methods = {name for known in METHODS.values() for name in known.defaults}
    assert {name: getattr(spec, name) for name in METHODS[method].defaults} == dict(
        METHODS[method].defaults
    )
    assert {getattr(spec, name) for name in of_methods - set(METHODS[method].defaults)} <= {None}
    assert FinetuneSpec.from_yaml(spec.to_yaml()) == spec
    assert set(spec.changed()) <= {"method"}
