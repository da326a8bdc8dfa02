"""A whole run of each method in this process: trained, measured from what was saved, answering."""

import json

import pytest

from labkit.errors import SpecError
from labkit.jobs import Job
from labkit.jobs.finetune import finetune
from labkit.jobs.generate import generate
from labkit.recorder import Recorder
from labkit.run import Run, create
from labkit.spec import METHODS, FinetuneSpec, GenerateSpec

pytestmark = pytest.mark.process

LABELS = {"animal", "number", "colour"}
OWN = {
    "full": {"learning_rate": 5e-3},
    "ia3": {"learning_rate": 0.1},
    "adapter": {"r": 8},
    "prompt_tuning": {"num_virtual_tokens": 4, "prompt_tuning_init_text": "kind of word"},
    "prefix_tuning": {"num_virtual_tokens": 4},
}


def done(job, name, spec):
    """Do a job in this process and return its run."""
    run = create(name, job.__name__, spec)
    emit = Recorder(run.path).emit
    emit("start")
    emit("end", status=job(Job(run.path, spec, emit, lambda: False, False)))
    return Run(run.path)


def learn(settings, name, **changes):
    return done(finetune, name, FinetuneSpec(**settings | {"max_steps": 6} | changes))


def answers(run, **changes):
    """Return what a run answers to two prompts."""
    spec = GenerateSpec(
        run=str(run.path), prompts=("the dog", "my two"), max_new_tokens=3, **changes
    )
    return [event["text"] for event in done(generate, f"{run.name}-answers", spec).of("answer")]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_from_a_spec_to_numbers_and_answers(workplace, settings, method):
    run = learn(settings, "one", method=method, **OWN.get(method, {}))
    found = run.metrics
    assert run.status == "done"
    assert found["tuned"]["n"] == found["base"]["n"] == found["n"]
    assert found["tuned"]["probabilities"] != found["base"]["probabilities"]
    assert found["adapter"]["bytes"] == sum(f.stat().st_size for f in run.learned.iterdir())
    assert len(run.of("sample")) > 0
    assert len(answers(run)) == 2
    assert run.learned.name == ("model" if method == "full" else "adapter")


def test_a_run_in_4_bits_tells_how_far_the_merged_model_is_from_it(workplace, settings):
    merged = learn(settings, "four", method="qlora").metrics["merged"]
    assert merged["logit_difference"] > 0
    assert 0 <= merged["kl"] < 0.1
    assert merged["accuracy_change"] == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("method", ["lora", "full", "qlora", "adapter", "ia3"])
def test_a_head_is_trained_kept_with_its_labels_and_answers_with_them(workplace, settings, method):
    run = learn(settings, "head", method=method, head=True, **OWN.get(method, {}))
    labels = json.loads((run.learned / "labels.json").read_text())
    assert set(labels) == LABELS
    assert run.metrics["tuned"]["labels"] == labels
    assert set(answers(run)) <= LABELS
    assert {event["answer"] for event in run.of("sample")} <= LABELS
    assert all(step["tokens"] <= 4 for step in run.of("step"))


def test_a_head_without_labels_is_refused_before_anything_is_loaded(workplace, settings, tmp_path):
    rows = [
        {"text": f"row {i}", "kind": f"a long and different answer, number {i}"} for i in range(20)
    ]
    file = tmp_path / "free.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SpecError, match="head must be false for task 'generation'"):
        learn(settings, "no", head=True, data=str(file))
