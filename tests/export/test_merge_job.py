"""A merge as its user sees it: a run of its own beside what it was made from."""

import pytest

from labkit import api
from labkit.errors import ExportError, RunError
from labkit.jobs import Job
from labkit.jobs.finetune import finetune
from labkit.report import SilentView
from labkit.run import Recorder, create
from labkit.spec import FinetuneSpec


@pytest.mark.process
def test_a_run_is_merged_once_and_its_model_needs_no_adapter(workplace, settings):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    spec = FinetuneSpec(**settings | {"max_steps": 4, "n_samples": 0})
    run = create("kinds", "finetune", spec)
    emit = Recorder(run.path).emit
    emit("end", status=finetune(Job(run.path, spec, emit, lambda: False, False)))

    merged = api.merge("kinds", view=SilentView(), limit=5)
    assert (merged.name, merged.job, merged.status) == ("kinds/merged", "merge", "done")
    assert merged.metrics["n_rows"] == 5
    parity = merged.metrics["parity"]
    assert parity["merged"]["max_abs_logit_diff"] < 1e-2
    assert parity["reloaded"]["max_abs_logit_diff"] < 1e-4
    page = (run.path / "report.html").read_text()
    assert "The merged model" in page
    assert "Agreement of the merged model" in page

    model = AutoModelForCausalLM.from_pretrained(merged.path / "model")
    ids = AutoTokenizer.from_pretrained(merged.path / "model")("word: the cat").input_ids
    assert max(ids) < model.config.vocab_size
    assert merged.learned == merged.path / "model"
    with pytest.raises(RunError, match="'kinds' was merged already; that run is done"):
        api.merge("kinds")


def learned(name, settings, **changes):
    """Make the folder of a run that is done, as far as it is looked at before a job starts."""
    run = create(name, "finetune", FinetuneSpec(**settings | changes))
    (run.path / "adapter").mkdir()
    (run.path / "adapter" / "adapter_config.json").write_text("{}")
    return run


@pytest.mark.parametrize(
    ("start", "changes", "message"),
    [
        (api.merge, {"method": "prompt_tuning"}, "prompt_tuning cannot be merged: it learned"),
        (api.merge, {"method": "adapter"}, "adapter cannot be merged: its bottleneck"),
        (api.merge, {"method": "full"}, "full cannot be merged: its weights are a whole model"),
        (api.merge, {"head": True}, "classification head cannot be merged"),
        (api.optimize, {"method": "prefix_tuning"}, "prefix_tuning cannot be exported: its virt"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_run_is_made(
    workplace, settings, start, changes, message
):
    changes = changes if "head" in changes else {"learning_rate": 1e-2} | changes
    run = learned("kinds", settings, **changes)
    with pytest.raises(ExportError, match=message):
        start("kinds")
    assert sorted(p.name for p in run.path.iterdir()) == ["adapter", "events.jsonl", "spec.yaml"]


@pytest.mark.parametrize("start", [api.merge, api.optimize])
def test_a_run_that_has_learned_nothing_yet_is_refused(workplace, settings, start):
    create("kinds", "finetune", FinetuneSpec(**settings))
    with pytest.raises(RunError, match=r"has learned nothing to .*; it is waiting") as error:
        start("kinds")
    assert "%finetune --resume kinds" in error.value.hint
