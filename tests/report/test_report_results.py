"""What a reader sees of results: every task, models side by side, samples, calibration."""

import re

import evaluation_samples as evaluations
import pytest
import report_samples as samples
from test_report_html import KEPT, Page

from labkit.report import final, text, write_report
from labkit.report.calibration import bins_of, diagram, reliability_sentence
from labkit.run import Run


def said(run):
    """Return the report as text on one line, so that its wrapping does not matter."""
    return " ".join(text(run).split())


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        ("extraction", ["field F1 [95 % interval] 0.210 [0.168, 0.252] 0.830 [0.664, 0.996]",
                        "valid JSON [95 % interval] 40.0 % [32.0, 48.0]",
                        "✗ wrong: lamp in the hall", '✓ right: {"device": "lamp"']),
        ("generation", ["chrF (0 to 100) [95 % interval] 21.5 [17.2, 25.8] 44.9 [35.9, 53.9]",
                        "✗ wrong: It is 15.", "✓ right: Fifteen percent of 80 is 12."]),
        ("summarisation", ["base tuned lead-1",
                           "ROUGE-L [95 % interval] 0.112 [0.090, 0.134] 0.247 [0.198, 0.296] "
                           "0.219 [0.175, 0.263]"]),
    ],
)  # fmt: skip
def test_a_text_tasks_metrics_and_answers_stand_side_by_side(task, wanted, tmp_path):
    shown = said(evaluations.done(tmp_path, task))
    assert [words for words in wanted if words not in shown] == []
    assert "By " in shown
    assert "The tuned model is better by 0.3 [0.2, 0.4] on 60 rows (p = 0.004)." in shown


def test_a_long_answer_is_not_called_wrong_for_not_being_the_reference(tmp_path):
    shown = said(evaluations.done(tmp_path, "summarisation"))
    assert "✗ wrong" not in shown
    assert "Adapters of rank 8 suffice." in shown


def test_a_wide_answer_keeps_its_judgement_and_its_beginning_in_text(tmp_path):
    run = evaluations.done(tmp_path, "extraction")
    metrics = run.metrics
    metrics["base"]["answers"] = ["the lamp " * 20] * 60
    samples.write(run.path / "metrics.json", metrics)
    assert "✗ wrong: the lamp the lamp" in said(run)


def test_a_measure_says_where_less_is_better_and_how_it_was_counted(tmp_path):
    shown = said(evaluations.done(tmp_path, "extraction"))
    assert "perplexity ↓ [95 % interval]" in shown
    assert "field F1 [95 % interval]" in shown
    assert "↓: lower is better." in shown
    assert "field F1: how field_f1 was counted" in shown


def test_a_measurement_shows_every_model_the_judged_one_last(tmp_path):
    run = evaluations.evaluated(tmp_path)
    shown = said(run)
    assert "base other run lead-1" in shown
    assert (
        "run and base, by ROUGE-L: run is better by 0.135 [0.1, 0.17] on 60 rows (p = 0.004)."
        in shown
    )
    assert "too close to call with n = 60" in shown
    assert "other was trained on 3 of these 60 rows" in shown
    for heading in ("Best answers by ROUGE-L of run", "Worst answers", "Answers drawn at random"):
        assert heading in shown


def test_a_measurement_is_made_of_tags_that_a_saved_notebook_keeps(tmp_path):
    page = Page(final(evaluations.evaluated(tmp_path)))
    assert {tag for tag, _ in page.tags} <= KEPT
    assert all(cell["scope"] in ("col", "row") for cell in page.of("th"))


def test_the_page_of_a_run_lists_its_measurements(tmp_path):
    evaluations.evaluated(tmp_path)
    words = Page(write_report(Run(tmp_path / "run")).read_text()).words
    assert re.search(r"eval-1.*test.*60.*0\.247", words)


def test_how_sure_and_how_often_right_are_counted_by_hand(tmp_path):
    bins = bins_of(evaluations.calibrated(tmp_path).metrics["tuned"])
    assert [(part.n, round(part.confidence, 6), part.accuracy) for part in bins] == [(10, 0.9, 0.8)]
    assert reliability_sentence(bins, 0.1) == (
        "Over 10 answers the mean probability is 90.0 % and 80.0 % are right: the model is surer "
        "than right. The calibration error (ECE) is 0.100."
    )
    assert len(diagram(bins)) <= 25_000


def test_a_classification_shows_its_calibration(tmp_path):
    page = Page(final(evaluations.calibrated(tmp_path)))
    assert any("surer than right" in image["alt"] for image in page.of("img"))
    assert "How sure the tuned model is, and how often it is right" in page.words


def test_results_without_the_new_measures_are_still_shown(tmp_path):
    run = samples.done(tmp_path)
    shown = said(run)
    assert "accuracy [95 % interval] 30.8 % [23.2, 39.6] 90.0 % [83.2, 94.2]" in shown
    assert (
        "Difference on the same rows: +59.2 points [46.0, 66.0] (95 % interval), p < 0.001" in shown
    )


def test_what_merging_changes_stands_beside_the_results_of_a_quantised_run(tmp_path):
    run = evaluations.done(tmp_path, "extraction", method="qlora")
    drift = {"n": 64, "kl": 0.0123, "accuracy": 0.9, "accuracy_change": -0.02}
    samples.write(run.path / "metrics.json", run.metrics | {"merged": drift})
    shown = said(run)
    assert "Merged into the base in fp32" in shown
    assert "KL (nats per token) 0.012" in shown
