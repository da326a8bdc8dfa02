"""Metrics of one's own: which are functions, which are names, what is refused."""

import json

import pytest

from labkit.api.own_metrics import add_own, split_metrics
from labkit.errors import DataError, RunError, SpecError
from labkit.run import Run, create
from labkit.spec import EvaluateSpec


@pytest.fixture
def evaluation(tmp_path):
    """A measurement of two models on four rows: the judged one has three right, the base one."""
    run = create("eval-1", "evaluate", EvaluateSpec(run="tone"), root=tmp_path)
    answers = {"base": "abbb", "tone": "aabb"}
    rows = [
        {"row": at, "prompt": f"p{at}", "reference": wanted,
         "answers": {name: texts[at] for name, texts in answers.items()}}
        for at, wanted in enumerate("aaab")
    ]  # fmt: skip
    (run.path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = {"task": "generation", "run": "tone", "n": 4, "models": {"base": {}, "tone": {}}}
    (run.path / "metrics.json").write_text(json.dumps(metrics))
    return run


def euros(answer, reference):
    """Saved by a right answer."""
    return 2.5 if answer == reference else 0


def minutes(answer, reference, prompt):
    return int(prompt[1:]) + (answer != reference)


minutes.higher_is_better = False


def test_the_mean_over_rows_is_worked_out_for_each_model(evaluation):
    add_own(evaluation, [euros, minutes])
    models = Run(evaluation.path).metrics["models"]
    assert models["tone"]["metrics"]["euros"]["value"] == 2.5 * 3 / 4
    assert models["base"]["metrics"]["euros"]["value"] == 2.5 * 2 / 4
    assert models["tone"]["metrics"]["minutes"]["value"] == (0 + 1 + 2 + 3 + 1) / 4
    assert models["tone"]["metrics"]["minutes"]["higher_is_better"] is False
    assert "Saved by a right answer" in models["tone"]["metrics"]["euros"]["about"]


def test_two_models_are_compared_on_the_same_rows(evaluation):
    add_own(evaluation, [euros])
    found = Run(evaluation.path).metrics["own"]["euros"]["base"]
    assert (found["n"], found["difference"], found["gained"]) == (4, 2.5 / 4, 1)


def test_a_function_of_all_rows_has_one_number_and_no_pairs(evaluation):
    def spread(answers, references):
        return len(set(answers))

    add_own(evaluation, [spread])
    found = Run(evaluation.path).metrics
    assert found["models"]["tone"]["metrics"]["spread"]["value"] == 2
    assert found["own"]["spread"] == {}


def test_names_functions_files_and_variables_are_told_apart(tmp_path):
    file = tmp_path / "cost.py"
    file.write_text("def euros(answer, reference):\n    return 1\n")
    variables = {"minutes": minutes, "accuracy": minutes, "number": 3}
    names, own = split_metrics(["accuracy", "minutes", f"{file}:euros", euros], variables)
    assert names == ("accuracy",)
    assert [one.__name__ for one in own] == ["minutes", "euros", "euros"]
    assert split_metrics("number", variables) == (("number",), [])
    assert split_metrics(None) == ((), [])


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("def euro(a, b): ...", "has no function 'euros'", "Did you mean 'euro'?"),
        ("1 / 0", "cannot be run: ZeroDivisionError", "mend it"),
        ("def euros(a): ...", r"must take \(answer, reference\)", "default"),
    ],
)
def test_a_file_that_gives_no_metric_is_refused_before_anything_is_measured(
    text, said, hint, tmp_path
):
    (tmp_path / "cost.py").write_text(text)
    with pytest.raises(SpecError, match=said) as error:
        split_metrics(f"{tmp_path}/cost.py:euros")
    assert hint in error.value.hint


def test_a_function_that_gives_no_number_names_its_row_and_changes_nothing(evaluation):
    before = evaluation.metrics
    with pytest.raises(DataError, match=r"The metric odd must return a number; on row 1 it gave"):
        add_own(evaluation, [odd])
    assert Run(evaluation.path).metrics == before


def odd(answer, reference):
    return "many"


def test_only_a_measurement_has_answers_to_count(tmp_path):
    run = create("eval-2", "evaluate", EvaluateSpec(run="tone"), root=tmp_path)
    with pytest.raises(RunError, match="has no recorded answers; it is waiting"):
        add_own(run, [euros])
