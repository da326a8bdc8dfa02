"""Schedule, signs and use of the machine: as sentences, as pictures, in the page and the view."""

import xml.etree.ElementTree as ElementTree

import pytest
import report_samples as samples

from labkit.files import locked
from labkit.report import live, schedule_picture, text
from labkit.report.chart_resources import Resources, resources, resources_chart
from labkit.report.page import page
from labkit.report.plaintext import line
from labkit.spec import FinetuneSpec

GIB = 2**30


def words_in(svg):
    """The words of a drawing; that it parses says that it is whole."""
    return " ".join(ElementTree.fromstring(svg).itertext())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"learning_rate": 8e-4, "lr_scheduler_type": "linear", "warmup_ratio": 0.2},
            "The learning rate rises from 0 to 0.0008 in 2 steps, then falls in a straight line to "
            "1.0e-04 until the last of 10 steps; batch 8.",
        ),
        (
            {"lr_scheduler_type": "constant", "batch_size": 16, "gradient_accumulation_steps": 4},
            "The learning rate starts at 0.0005, then stays there until the last of 10 steps; "
            "batch 16 = 4 micro-batches x 4 rows.",
        ),
        (
            {"lr_scheduler_type": "cosine_with_restarts", "num_cycles": 2, "warmup_ratio": 0.0},
            "The learning rate starts at 0.0005, then falls 2 times along a cosine, from the peak "
            "each time to 4.8e-05 until the last of 10 steps; batch 8.",
        ),
    ],
)
def test_a_schedule_in_words(settings, sentence):
    assert schedule_picture(FinetuneSpec(**settings), steps=10).alt == sentence


def test_a_schedule_is_drawn_for_the_rows_of_a_run():
    spec = FinetuneSpec(batch_size=4, num_train_epochs=2)
    picture = schedule_picture(spec, rows=22)
    assert "until the last of 12 steps" in picture.alt
    assert "learning rate" in words_in(picture.draw())


def test_what_the_curve_says_stands_before_it_and_is_no_note(tmp_path):
    run = samples.going(tmp_path, steps=64)
    said = "Validation loss has risen from 0.500 (step 32) to 0.700 (step 64): overfitting."
    samples.Clock(run.path).at(0, "note", text=said, sign="overfitting")
    with locked(run.path):
        shown = live(run)
    assert shown.count(said) == 1
    assert shown.index(said) < shown.index("<img")
    assert "What the loss curve says" in text(run)


def test_the_live_view_shows_the_schedule_and_the_cores_in_use(tmp_path):
    run = samples.going(tmp_path, steps=4)
    with locked(run.path):
        assert "rises from 0 to 0.0005 in 26 steps" in live(run)
        assert "cores in use" in live(run)


def test_the_page_shows_the_use_of_the_machine(tmp_path):
    shown = page(samples.done(tmp_path))
    assert (
        "Memory was at most 1.22 GiB of 2.00 GiB (the line counts shared libraries in part); 1.8 "
        "cores were busy on average; half of the steps read more than 752 tokens per second."
        in shown
    )


def test_one_figure_of_memory_in_the_line_the_facts_and_the_picture(tmp_path):
    run = samples.done(tmp_path)
    shown = (line(run), text(run), page(run))
    assert ["1.22 GiB" in one for one in shown] == [True] * 3
    assert ["1.13 GiB" in one for one in shown] == [False] * 3


def test_use_by_minutes_since_the_start(tmp_path):
    used = resources(samples.going(tmp_path, steps=3))
    after_loading = [4.5, 5.0, 5.5]
    assert [round(minutes * 60, 1) for minutes, _ in used.memory] == after_loading
    assert [value for _, value in used.cores] == [1.75] * 3
    assert [value for _, value in used.speed] == [376 / 0.5] * 3
    assert used.limit == 2 * GIB
    assert used.gpu == ()


def test_a_limit_that_is_near_is_drawn_and_a_far_one_is_said():
    def drawn(limit, gpu=()):
        line = ((0.0, 1.0 * GIB), (1.0, 1.5 * GIB))
        used = Resources(line, ((0.0, 1.0), (1.0, 2.0)), ((0.5, 700.0),), gpu, limit)
        return words_in(resources_chart(used))

    assert "limit" in drawn(2 * GIB)
    assert "above" not in drawn(2 * GIB)
    assert "limit: 64 GiB, above" in drawn(64 * GIB)
    assert "limit" not in drawn(None)
    assert "GPU" in drawn(None, ((0.0, 3.0 * GIB), (1.0, 4.0 * GIB)))


def test_a_long_run_keeps_its_peak_and_few_points():
    line = tuple((at / 60, 9.0 * GIB if at == 7001 else 1.0 * GIB) for at in range(20_000))
    used = Resources(line, line, line, (), None)
    assert "at most 9.00 GiB" in used.sentence
    assert len(resources_chart(used)) < 60_000


def test_a_run_without_measurements_has_no_picture(tmp_path):
    run = samples.create("bare", "finetune", FinetuneSpec(), root=tmp_path)
    assert resources(run) is None
    assert "Use of the machine" not in page(run)
