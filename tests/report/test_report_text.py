import pytest
import report_samples as samples

from labkit.files import locked
from labkit.report import line, measured, progress_line, runs_table, text
from labkit.run import Run


def test_the_line_of_a_run_that_is_going_says_how_far_it_is_and_how_long_it_takes(tmp_path):
    run = samples.going(tmp_path, steps=97)
    with locked(run.path):
        said = line(run)
    parts = ["running", "step 97/256", "nats/token", "752 tokens/s", "1:40 left", "1005 MiB"]
    assert [part for part in parts if part not in said] == []
    assert "\n" not in said


def test_time_left_is_the_steps_left_and_the_validations_left(tmp_path):
    run = samples.going(tmp_path, steps=97)
    assert measured.seconds_left(run) == pytest.approx(159 * 0.5 + 5 * 4.0)


def test_time_left_before_any_validation_is_the_steps_alone(tmp_path):
    run = samples.going(tmp_path, steps=31)
    assert measured.seconds_left(run) == pytest.approx(225 * 0.5)


def test_a_pause_before_a_resume_is_no_time_of_the_run(tmp_path):
    run = samples.going(tmp_path, steps=32)
    before = measured.elapsed(run)
    clock = samples.Clock(run.path)
    clock.at(90_000, "start", pid=2, resumed=True)
    clock.at(5, "note", text="on it goes")
    assert measured.elapsed(Run(run.path)) == pytest.approx(before + 5)


def test_a_pause_before_a_resume_is_not_taken_for_a_validation(tmp_path):
    run = samples.going(tmp_path, steps=32)
    clock = samples.Clock(run.path)
    clock.at(90_000, "start", pid=2, resumed=True)
    samples.take_step(clock, 33, 256)
    assert measured.seconds_left(run) == pytest.approx(223 * 0.5)


def test_the_record_of_a_finished_run_sets_base_beside_tuned_with_n_and_interval(tmp_path):
    said = text(samples.done(tmp_path))
    assert "Results on 120 test rows" in said
    row = next(row for row in said.splitlines() if "accuracy [95 % interval]" in row)
    assert " ".join(row.split()).endswith("30.8 % [23.2, 39.6] 90.0 % [83.2, 94.2]")
    assert "+59.2 points [46.0, 66.0] (95 % interval), p < 0.001" in said


def test_five_changed_answers_show_a_regression_too(tmp_path):
    said = text(samples.done(tmp_path))
    assert said.count("✓ right") == said.count("✗ wrong") == 5
    assert "✓ right: anger    ✗ wrong: neutral" in said
    assert "74 answers became right and 3 became wrong" in said


def test_the_record_names_cost_files_and_notes(tmp_path):
    said = text(samples.done(tmp_path))
    wanted = [
        "18.7 MiB",
        "1.22 GiB",
        "2 min 40 s",
        "events.jsonl",
        "480 training",
        "4\u202f884\u202f480",
    ]
    assert [word for word in wanted if word not in said] == []


def test_no_line_of_text_is_wider_than_the_page_allows(tmp_path):
    found = samples.accepted_metrics()
    runs = [samples.done(tmp_path), samples.optimized(tmp_path, metrics=found)]
    assert max(len(row) for run in runs for row in text(run).splitlines()) <= 110


def test_a_stopped_run_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    said = text(samples.going(tmp_path, "mine", steps=40, status="stopped"))
    assert "Stopped at step 40 of 256" in said
    assert "Go on from step 32:  %finetune --resume mine\n" in said
    assert "labkit finetune --resume mine\n" in said


def test_a_failed_run_says_what_happened_and_what_would_fit(tmp_path):
    run = samples.going(tmp_path, steps=40)
    (run.path / "log.txt").write_text("Traceback …")
    problem, hint = "Killed by the memory limit of 2048 MiB.", "Set batch_size: 4."
    samples.Clock(run.path).at(
        1, "end", status="failed", error="RunFailed", problem=problem, hint=hint
    )
    said = text(run)
    assert [
        word for word in (problem, hint, "traceback is in", "--resume") if word not in said
    ] == []


def test_a_run_whose_worker_vanished_is_shown_as_failed(tmp_path):
    assert "ended without a last word at step 40 of 256" in text(samples.going(tmp_path, steps=40))


def test_a_run_that_has_not_started_is_shown_without_numbers(tmp_path):
    run = samples.create("new", "finetune", samples.FinetuneSpec(), root=tmp_path)
    assert "waiting to start" in line(run)
    assert "waiting to start" in text(run)


def test_a_loss_that_is_no_number_is_shown_as_recorded(tmp_path):
    run = samples.going(tmp_path, steps=3)
    samples.Recorder(run.path).emit(
        "step", step=4, max_steps=9, loss=float("nan"), seconds=0.5, n_tokens=3
    )
    assert "loss nan" in line(run)
    assert "step 3" in text(run)  # the curve ends at the last number


def test_a_generation_run_shows_loss_exact_match_and_answers(tmp_path):
    run = samples.going(tmp_path, steps=64, status="done")
    base = {
        "n": 90, "n_answers": 50, "loss": 2.5, "perplexity": 12.18, "exact_match": 0.04,
        "interval": [0.01, 0.13], "answers": ["a red dog"], "references": ["A blue cat."],
    }  # fmt: skip
    tuned = base | {"loss": 1.25, "exact_match": 0.5, "answers": ["A blue cat."]}
    metrics = {"task": "generation", "split": "test", "base": base, "tuned": tuned}
    samples.write(run.path / "metrics.json", metrics)
    said = text(run)
    assert "90 test rows (50 of them answered)" in said
    assert [row.split()[-2:] for row in said.splitlines() if "loss (nats" in row] == [
        ["2.500", "1.250"]
    ]
    assert "✗ wrong: a red dog" in said
    assert "✓ right: A blue cat." in said


def test_runs_stand_in_one_table(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    samples.done(tmp_path, "tone")
    samples.going(tmp_path, "other", steps=40, status="stopped")
    shown = str(runs_table([Run("tone"), Run("other")])).splitlines()
    assert "30.8 % → 90.0 %" in shown[2]
    assert "■ stopped" in shown[3]


def test_an_empty_table_says_how_to_make_a_run():
    assert "%%finetune" in str(runs_table([]))


def test_progress_on_a_pipe_is_two_lines(capsys):
    for done in (0, 30_000_000, 93_000_000):
        progress_line("fetch", done, 93_000_000)
    assert capsys.readouterr().err == "fetch: 0 bytes of 88.7 MiB\nfetch: 88.7 MiB of 88.7 MiB\n"
