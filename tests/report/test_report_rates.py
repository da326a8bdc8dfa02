"""What a range test found: in words, as a picture, while it goes and in the end."""

import math

import report_samples as samples

from labkit.files import locked
from labkit.report import final, live, text
from labkit.report.chart_rates import Rates, rates_chart
from labkit.run import Run, create
from labkit.spec import FinetuneSpec


def probed(root, steps=40):
    run = create("lr-1", "find_lr", FinetuneSpec(), root=root)
    clock = samples.Clock(run.path)
    clock.at(0.2, "start", pid=1, resumed=False)
    clock.at(0.1, "stage", name="training at growing rates", done=0, total=1)
    for step in range(1, steps + 1):
        loss = 3.0 - 1.5 * math.exp(-(((step - 30) / 8) ** 2)) + math.exp((step - 37) / 1.5)
        clock.at(0.4, "lr_probe", step=step, max_steps=60, learning_rate=10 ** (step / 10 - 6.1),
                 loss=loss, smoothed=loss)  # fmt: skip
    return Run(run.path)


def finished(root, **changes):
    run = probed(root)
    found = {"suggested": 2.6e-4, "lowest_at": 7.9e-4, "steepest": 2e-4, "diverged_at": 7.9e-3,
             "steps": 40, "first_loss": 3.0}  # fmt: skip
    samples.write(run.path / "metrics.json", found | changes)
    samples.Clock(run.path).at(0.1, "end", status="done")
    return Run(run.path)


def test_while_it_goes_the_losses_so_far_are_drawn(tmp_path):
    run = probed(tmp_path, steps=30)
    with locked(run.path):
        shown = live(run)
        assert "step 30/60" in shown
        assert "From rate 1.0e-06 to 7.9e-04 the loss went from" in shown
        assert "Suggested" not in shown


def test_in_the_end_the_suggestion_stands_in_words_and_in_the_picture(tmp_path):
    run = finished(tmp_path)
    shown = final(run)
    assert "suggested learning rate" in shown
    assert "2.6e-04" in shown
    assert "and exploded at 7.9e-03. Suggested: 2.6e-04." in text(run)
    assert shown.count("<img") == 1


def test_where_no_rate_helps_the_report_says_so(tmp_path):
    run = finished(tmp_path, suggested=None, diverged_at=None)
    assert "No learning rate lowered the loss" in text(run)
    assert "Suggested" not in text(run)


def test_the_picture_names_the_suggestion():
    points = tuple((10.0 ** -(6 - at / 10), 3.0 - at / 20) for at in range(40))
    assert b"suggested: 2.6e-04" in rates_chart(Rates(points, points, 2.6e-4))
    assert b"suggested" not in rates_chart(Rates(points, points))
