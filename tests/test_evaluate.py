"""Measuring: models in turn on the same rows, in a worker of its own."""

import json

import numpy as np
import pytest

import labkit
from labkit import api
from labkit.errors import DataError, LabError, RunError, RunStopped, SpecError
from labkit.report import SilentView, text
from labkit.run import Run, all_runs

pytestmark = pytest.mark.process

QUIET = SilentView()


@pytest.fixture(scope="module")
def runs(tmp_path_factory, settings):
    """A folder with two runs that differ in their seed, and one of a text task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("place"))
        patch.delenv("LABKIT_RUNS", raising=False)
        labkit.finetune(name="first", view=QUIET, **settings)
        labkit.finetune(name="second", view=QUIET, **settings | {"max_steps": 2})
        texts = {"task": "summarisation", "text_template": "text: {text}\nkind: {kind}"}
        labkit.finetune(name="texts", view=QUIET, **settings | texts)
        yield Run("first")


def lines(run):
    return [json.loads(line) for line in (run.path / "predictions.jsonl").read_text().splitlines()]


def test_three_models_are_measured_on_the_same_rows_and_compared(runs):
    run = api.evaluate("first", against=("base", "second"), view=QUIET)
    found = run.metrics
    assert run.name == "first/evaluations/eval-1"
    assert list(found["models"]) == ["base", "second", "first"]
    assert found["models"]["first"]["accuracy"] == runs.metrics["tuned"]["accuracy"]
    assert found["models"]["base"]["accuracy"] == runs.metrics["base"]["accuracy"]
    assert found["comparisons"]["base"]["difference"] == pytest.approx(
        runs.metrics["tuned"]["accuracy"] - runs.metrics["base"]["accuracy"]
    )
    right = [row["answers"]["first"] == row["reference"] for row in lines(run)]
    assert np.mean(right) == found["models"]["first"]["accuracy"]
    chances = lines(run)[0]["probabilities"]["base"]
    assert sum(chances.values()) == pytest.approx(1)
    assert run.name in {one.name for one in all_runs()}
    assert "eval-1" in (runs.path / "report.html").read_text()
    assert "Best answers" in text(run)


def test_a_metric_of_ones_own_is_computed_from_the_answers(runs, tmp_path):
    def paid(answer, reference, prompt):
        """Euros saved."""
        return 2.0 if answer == reference else -1.0

    (tmp_path / "cost.py").write_text("def short(answer, reference):\n    return len(answer) < 5\n")
    run = api.evaluate(
        "first", metrics=["macro_f1", paid, f"{tmp_path}/cost.py:short"], name="own", view=QUIET
    )
    of = run.metrics["models"]["first"]
    right = [row["answers"]["first"] == row["reference"] for row in lines(run)]
    assert list(of["metrics"]) == ["macro_f1", "paid", "short"]
    assert of["metrics"]["paid"]["value"] == pytest.approx(3 * np.mean(right) - 1)
    low, high = of["metrics"]["paid"]["interval"]
    assert -1 <= low <= of["metrics"]["paid"]["value"] <= high <= 2
    assert run.metrics["own"]["paid"]["base"]["n"] == len(right)
    assert "first and base, by paid:" in " ".join(text(run).split())


def test_rows_of_the_notebook_are_measured_in_the_runs_form(runs):
    rows = [{"text": "your cat", "kind": "animal"}, {"text": "your one", "kind": "number"}]
    run = api.evaluate("first", data=rows, against=("base",), name="mine", view=QUIET)
    assert [row["prompt"] for row in lines(run)] == [
        "word: your cat\nkind:", "word: your one\nkind:",
    ]  # fmt: skip
    assert run.metrics["n"] == 2


def test_rows_that_were_trained_on_are_told(runs):
    run = api.evaluate("first", split="train", limit=20, against=("base",), view=QUIET)
    assert run.metrics["n_trained_on"] > 0
    assert "first was trained on" in text(run)
    assert "which were not trained on" not in text(run)


def test_a_text_task_has_answers_a_baseline_and_the_metrics_asked_for(runs):
    run = api.evaluate(
        "texts", metrics=("chrf", "perplexity"), max_new_tokens=4, limit=5, view=QUIET
    )
    of = run.metrics["models"]["texts"]
    assert set(of["metrics"]) == {"chrf", "perplexity"}
    assert of["n_answers"] == run.metrics["n"] == len(lines(run)) == 5
    assert list(run.metrics["baselines"]["lead-1"]["metrics"]) == ["chrf"]
    shown = run.metrics["samples"]
    assert len({row["row"] for kind in ("best", "worst") for row in shown[kind]}) == 5


def test_a_measurement_that_is_stopped_says_so(runs):
    class Impatient(SilentView):
        def update(self, run):
            if run.of("stage"):
                run.stop()

    with pytest.raises(RunStopped):
        api.evaluate("first", name="stopped", view=Impatient())
    assert Run("first/evaluations/stopped").status == "stopped"
    assert not Run("first/evaluations/stopped").metrics


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"metrics": "bleu"}, SpecError, "metrics must fit the task classification; got 'bleu'"),
        ({"against": ("texts",)}, RunError, "the task of the first is classification"),
        ({"against": ("thrid",)}, RunError, "There is no run 'thrid'"),
        ({"against": ("merged",)}, RunError, "has no merged model"),
        ({"against": ("first",)}, SpecError, "must name every model once; 'first' is there twice"),
        ({"data": [{"text": "a", "kind": "planet"}]}, DataError, "'planet' in row 1 is none of"),
        ({"split": "tset"}, LabError, "tset"),
        ({"temperature": 0.5}, SpecError, "temperature goes with text tasks"),
        ({"metrics": "cost.py:paid"}, SpecError, "There is no file 'cost.py'"),
        ({"metrics": lambda a, b: 1}, SpecError, "metrics must be names or named functions"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_at_once_and_leaves_no_folder(asked, error, said, runs):
    before = list((runs.path / "evaluations").glob("*"))
    with pytest.raises(error, match=said):
        api.evaluate("first", view=QUIET, **asked)
    assert list((runs.path / "evaluations").glob("*")) == before


def test_a_function_that_fails_names_the_row_and_loses_nothing(runs):
    def odd(answer, reference):
        return 1 / (answer != reference)

    with pytest.raises(DataError, match=r"The metric odd .* on row \d+ it gave ZeroDivision"):
        api.evaluate("first", metrics=odd, name="odd", view=QUIET)
    assert Run("first/evaluations/odd").metrics["models"]["first"]["n"] > 0


def test_a_prior_correction_changes_the_probabilities(runs):
    plain, corrected = (
        api.evaluate("first", prior_correction=asked, against=("base",), view=QUIET)
        for asked in (False, True)
    )
    one, other = (lines(run)[0]["probabilities"]["base"] for run in (plain, corrected))
    assert one != other
