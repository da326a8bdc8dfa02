"""Who may be measured on the same rows: runs whose prompts and labels mean the same."""

import json

import pytest

from labkit.errors import RunError, SpecError
from labkit.evaluation.scores import METRICS, TASKS
from labkit.evaluation.subjects import FITTING, check_metrics, subjects_of
from labkit.run import Run, create
from labkit.spec import FinetuneSpec, OptimizeSpec

TEMPLATE = "word: {text}\nkind: {kind}"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A function that makes a run that is done, as far as its measuring needs it."""
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))

    def made(name, *, task="classification", labels=("a", "b"), done=True, **spec):
        settings = {"data": "rows.csv", "text_template": TEMPLATE} | spec
        run = create(name, "finetune", FinetuneSpec(**settings))
        folder = run.path / ("model" if settings.get("method") == "full" else "adapter")
        folder.mkdir()
        if done:
            metrics = {"task": task, "labels": list(labels)}
            (run.path / "metrics.json").write_text(json.dumps(metrics))
        return run

    return made


def test_the_judged_run_is_last_and_each_has_its_own_method(make):
    judged = make("tone")
    make("whole", method="full", seed=3)
    base, whole, own = subjects_of(judged, ("base", "whole"))
    assert (base.name, base.learned, base.spec) == ("base", None, judged.spec)
    assert (whole.name, whole.learned.name, whole.spec.method) == ("whole", "model", "full")
    assert (own.name, own.learned.name) == ("tone", "adapter")


def test_the_same_labels_in_another_order_are_the_same_labels(make):
    judged = make("tone")
    make("turned", labels=("b", "a"))
    assert [one.name for one in subjects_of(judged, ("turned",))] == ["turned", "tone"]


def test_a_template_written_as_prompt_and_completion_is_the_same_template(make):
    judged = make("tone")
    parts = {"prompt_template": "word: {text}\nkind: ", "completion_template": "{kind}"}
    make("parts", text_template=None, **parts)
    assert [one.name for one in subjects_of(judged, ("parts",))] == ["parts", "tone"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"labels": ("a", "c")}, r"the labels of the first is a and b, of the second a and c"),
        ({"task": "generation", "labels": ()}, "the task of the first is classification"),
        ({"text_template": "{text} is {kind}"}, "the template of the first is 'word: {text}"),
        ({"data": "phrases", "text_template": None}, "the template of the first is"),
        ({"done": False}, "has no tuned model to measure; it is waiting"),
    ],
)
def test_a_run_whose_rows_mean_something_else_is_refused(other, said, make):
    judged = make("tone")
    make("other", **other)
    with pytest.raises(RunError, match=said):
        subjects_of(judged, ("other",))


def test_only_a_fine_tuning_can_be_measured(make, tmp_path):
    export = create("int8", "optimize", OptimizeSpec(run="tone"), root=tmp_path)
    with pytest.raises(RunError, match="is no fine-tuning but a run of optimize"):
        subjects_of(export, ("base",))


def test_a_run_that_is_named_as_the_base_is_told_apart(make):
    with pytest.raises(SpecError, match="'base' is there twice"):
        subjects_of(make("base"), ("base",))


def test_a_merged_model_is_measured_without_what_was_learned(make):
    judged = make("tone")
    (judged.path / "merged" / "model").mkdir(parents=True)
    merged, _ = subjects_of(Run("tone"), ("merged",))
    assert merged.learned is None
    assert merged.spec.model == str(judged.path / "merged" / "model")
    assert merged.spec.method == "lora"


def test_every_metric_fits_a_task_and_every_task_has_its_own():
    assert {name for names in FITTING.values() for name in names} == set(METRICS)
    for task, names in TASKS.items():
        check_metrics(names, task)


@pytest.mark.parametrize(
    ("name", "task", "hint"),
    [
        ("rougel", "summarisation", "Did you mean 'rougeL'"),
        ("valid_json", "generation", "Those that do: exact_match, bleu"),
        ("perplexity", "classification", "Those that do: accuracy"),
    ],
)
def test_a_metric_that_does_not_fit_is_answered_with_those_that_do(name, task, hint):
    with pytest.raises(SpecError, match=f"metrics must fit the task {task}; got '{name}'") as error:
        check_metrics([name], task)
    assert hint in error.value.hint
