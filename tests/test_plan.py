"""Plans from a call to the record: foreseen beside actual, refused, fitted to a budget."""

import json

import pytest

import labkit
from labkit.report import SilentView, text

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder in which nothing was measured yet."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def quiet(workplace, cache, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(cache))
    monkeypatch.setenv("LABKIT_STATIC", "1")


def test_a_plan_trains_nothing_and_a_run_is_compared_with_its_own(settings):
    found = labkit.plan(view=SilentView(), **settings)
    foreseen = found.forecast
    assert (found.run.name, found.run.job) == ("plan-1", "plan")
    assert foreseen.source == "measured"
    assert foreseen.max_steps == 12
    assert foreseen.seconds.low < foreseen.seconds.value < foreseen.seconds.high
    assert not [*found.run.path.rglob("*.safetensors")]
    assert "peak memory" in repr(found)
    assert "<svg" in found._repr_html_() or "image/svg" in found._repr_html_()

    run = labkit.finetune(name="tone", view=SilentView(), **settings)
    assert run.last("forecast")["forecast"]["trainable"] == run.metrics["adapter"]["trainable"]
    memory = run.metrics["plan"]["memory"]
    assert memory["value"] == pytest.approx(memory["actual"], rel=0.25)
    assert "Planned beside actual" in text(run)
    fitted = labkit.plan(view=SilentView(), **settings | {"max_steps": 100_000, "budget": "60s"})
    assert 1 < fitted.spec.max_steps < 100_000
    assert fitted.forecast.seconds.value <= 60
    assert "max_steps is" in repr(fitted)

    kept = json.loads((run.path / "plan.json").read_text())["forecast"]
    assert kept["source"] == "measured"
