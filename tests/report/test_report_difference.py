"""Two runs side by side: what differs is shown, what is the same is not, and rows are minded."""

import report_samples as samples

from labkit.report import plain
from labkit.report.difference import difference


def table(blocks, title):
    return next(block for block in blocks if block.title == title)


def test_only_the_settings_that_differ_are_listed(tmp_path):
    one, two = samples.done(tmp_path, "one"), samples.done(tmp_path, "two", r=4, learning_rate=1e-4)
    found = table(difference(one, two), "Settings that differ")
    assert found.header == ("setting", "one", "two")
    assert found.rows == (("r", "16", "4"), ("learning_rate", "0.0005", "0.0001"))


def test_equal_settings_are_said_to_be_equal(tmp_path):
    one, two = samples.done(tmp_path, "one"), samples.done(tmp_path, "two")
    assert "All settings of the two runs are the same." in plain(difference(one, two))


def test_results_are_subtracted_in_their_own_units(tmp_path):
    one, two = samples.done(tmp_path, "one"), samples.done(tmp_path, "two", r=4)
    changed = two.metrics
    changed["tuned"] |= {"accuracy": 0.925, "eval_loss": 0.469}
    changed["training"]["seconds"] = 100.3
    changed["adapter"]["bytes"] = 19_566_112 - 2**20
    samples.write(two.path / "metrics.json", changed)
    results, cost = difference(one, two)[1:]
    rows = {row[0]: row[1:] for row in (*results.rows, *cost.rows)}
    assert rows["accuracy"] == ("90.0 % [83.2, 94.2]", "92.5 % [83.2, 94.2]", "+2.5 points")
    assert rows["loss (nats per token)"] == ("0.489", "0.469", "−0.020")
    assert rows["training"] == ("2 min 40 s", "1 min 40 s", "−60.0 s")
    assert rows["adapter on disk"][2] == "−1.0 MiB"
    assert rows["steps"][2] == "the same"


def test_results_on_different_rows_are_not_held_together(tmp_path):
    one, two = samples.done(tmp_path, "one"), samples.done(tmp_path, "two", data="intents")
    assert "different rows: their results do not compare" in plain(difference(one, two))
    assert "different rows" not in plain(difference(one, one))


def test_a_run_that_is_going_stands_beside_one_that_is_done(tmp_path):
    one, two = samples.done(tmp_path, "one"), samples.going(tmp_path, "two")
    rows = {row[0]: row[1:] for row in table(difference(one, two), "Results").rows}
    assert rows["accuracy"] == ("90.0 % [83.2, 94.2]", "–", "–")
    assert rows["best validation loss"][2].startswith("+0.0")


def test_runs_of_two_jobs_share_few_settings_and_the_export_has_its_size(tmp_path):
    tuned = samples.done(tmp_path, "tone")
    made = samples.optimized(tmp_path, "tone/onnx")
    said = difference(tuned, made)
    settings = table(said, "Settings that differ")
    assert settings.rows[0] == ("job", "finetune", "optimize")
    assert "lora_alpha" not in [row[0] for row in settings.rows]
    rows = {row[0]: row[1:] for row in table(said, "Results").rows}
    assert rows["size, int8"] == ("–", "154 MiB", "–")
