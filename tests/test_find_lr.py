"""The learning-rate finder from a call to its report, on a tiny model."""

import pytest

from labkit.api import find_lr
from labkit.report import SilentView

pytestmark = pytest.mark.process


def test_a_finder_run_suggests_a_rate_and_leaves_a_report_but_no_weights(workplace, settings):
    run = find_lr(view=SilentView(), **settings | {"max_steps": None})
    assert (run.name, run.status, run.job) == ("lr-1", "done", "find_lr")
    assert 1e-5 < run.metrics["suggested"] < 0.3
    assert len(run.of("lr_probe")) == run.metrics["steps"] > 20
    assert "suggested learning rate" in (run.path / "report.html").read_text()
    assert not (run.path / "adapter").exists()
    assert not list(run.path.rglob("*.safetensors"))
