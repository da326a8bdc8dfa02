"""What a run will need: counted, calibrated, and what would need less."""

import json
import time
from dataclasses import replace
from math import prod

import pytest

from labkit.data import Tokens
from labkit.errors import SpecError
from labkit.jobs import Job
from labkit.jobs.planning import Planner
from labkit.report import plain, plan_blocks
from labkit.run import create
from labkit.spec import FinetuneSpec
from labkit.training.forecast import (
    Calibration,
    Case,
    Rows,
    changed,
    forecast,
    known,
    lighter,
    remember,
    steps_within,
)
from labkit.training.forecast.duration import passes_of
from labkit.training.forecast.parts import token_bytes
from labkit.training.forecast.probe import Seen, calibrated
from labkit.training.forecast.shapes import passes
from labkit.training.forecast.teaching import teacher_of
from labkit.training.sketch import Sketch, sketch

MIB = 2**20
HIDDEN, INNER, BLOCKS, VOCABULARY = 64, 256, 4, 1000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def model():
    """A model of four blocks with two linear layers each, and tied embeddings."""
    shapes = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    for block in range(BLOCKS):
        shapes[f"model.layers.{block}.mlp.up_proj.weight"] = (INNER, HIDDEN)
        shapes[f"model.layers.{block}.mlp.down_proj.weight"] = (HIDDEN, INNER)
    return Sketch({"num_hidden_layers": BLOCKS, "model_type": "llama"}, shapes)


def rows(n=40, length=50, prompt=46, prefix=10):
    """Rows that share the first tokens."""
    shared = list(range(prefix))
    made = [
        Tokens([*shared, *(100 + i + t for t in range(length - prefix))], prompt) for i in range(n)
    ]
    return Rows.of({"train": made, "validation": made[:5], "test": made[:3]})


def case(measured=None, **settings):
    spec = FinetuneSpec(**settings)
    return Case(spec, rows(), model(), measured=measured, measured_on=measured and spec)


def calibration(**changes):
    base = Calibration(
        program=300.0 * MIB,
        token_bytes=1.0 * MIB,
        pass_seconds=0.5,
        token_seconds=0.01,
        time=2e9,
        tokens=1e6,
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({}, 10 + 8 * (50 - 1 - 10)),  # the beginning once, and no row's last token
        ({"lora_dropout": 0.1}, 8 * (50 - 1)),
        ({"packing": "padded"}, 8 * 50),
        ({"method": "prompt_tuning", "num_virtual_tokens": 6}, 8 * 56),
        ({"gradient_accumulation_steps": 8}, 50 - 1),
    ],
)
def test_a_pass_has_the_tokens_of_its_batch(settings, tokens):
    mean, largest = passes(rows(), FinetuneSpec(**settings))
    assert mean.tokens == largest.tokens == tokens
    assert mean.targets == 4 * 8 / settings.get("gradient_accumulation_steps", 1)


def test_the_parts_of_a_full_fine_tuning_are_those_of_adam():
    found = forecast(case(method="full", packing="padded"))
    weights = VOCABULARY * HIDDEN + 2 * BLOCKS * HIDDEN * INNER
    assert found.trainable == found.total == weights
    assert found.parts["weights"] == found.parts["gradients"] == 4 * weights
    assert found.parts["optimizer"] == 8 * weights
    assert found.memory.value == sum(found.parts.values())
    assert found.seconds is None  # nobody measured here yet


def test_processes_hold_a_model_each_and_a_share_of_the_batch():
    alone, three = (forecast(case(processes=n)).parts for n in (1, 3))
    share = {name: three[name] / alone[name] for name in alone}
    of_all = dict.fromkeys(("program", "weights", "gradients", "optimizer"), 3)
    assert share == of_all | {"activations": 1, "logits": 1}


def test_what_is_suggested_leaves_each_process_a_row_of_a_pass():
    heavy = case(calibration(token_bytes=2.0 * MIB), batch_size=8, processes=3)
    parts = [
        one.changes.get("gradient_accumulation_steps", 1)
        for share in (0.9, 0.8, 0.7, 0.6, 0.5)
        for one in lighter(heavy, share * forecast(heavy).memory.value)
    ]
    assert max(parts) == 2  # 8 rows in 4 parts would leave one of three processes without


def test_a_calibration_says_memory_and_time_and_is_kept_for_later():
    measured = calibration(time=time.time())
    spec = FinetuneSpec(packing="padded", max_steps=10)
    remember(spec, measured)
    assert known(spec) == measured
    assert known(replace(spec, batch_size=2, max_steps=99)) == measured  # other amounts
    assert known(replace(spec, gradient_checkpointing=True)) is None  # another kind
    found = forecast(case(measured, packing="padded", max_steps=10))
    assert found.parts["activations"] == 400 * MIB
    assert found.training.value == pytest.approx(10 * (0.5 + 0.01 * 400), rel=0.01)
    assert found.source == "measured"


def test_an_old_calibration_is_not_used():
    remember(FinetuneSpec(), calibration(time=0.0))
    assert known(FinetuneSpec()) is None


def test_what_is_suggested_fits_and_comes_in_the_order_of_its_cost():
    heavy = case(calibration(token_bytes=2.0 * MIB), batch_size=8)
    need = forecast(heavy).memory.value
    found = lighter(heavy, 0.85 * need)
    assert [next(iter(one.changes)) for one in found] == [
        "gradient_accumulation_steps", "gradient_checkpointing", "max_length",
    ]  # fmt: skip
    for one in found:
        assert one.forecast.memory.high <= 0.85 * need
        assert forecast(heavy.of(one.spec)).memory == one.forecast.memory
    assert found[0].spec.batch_size == 8  # the same result
    assert found[1].forecast.seconds.value > forecast(heavy).seconds.value  # recomputing costs


def test_each_way_of_saving_memory_saves_where_it_should():
    def part(name, **settings):
        return forecast(case(None, **settings)).parts[name]

    linear = 2 * BLOCKS * HIDDEN * INNER
    saved = part("weights") - part("weights", method="qlora")
    assert saved == pytest.approx(linear * (4 - 0.5), rel=0.01)  # four bits for four bytes
    assert part("optimizer", optim="sgd") == 0
    assert part("activations") > 1.5 * part("activations", gradient_checkpointing=True)
    assert part("activations") > 2 * part("activations", gradient_accumulation_steps=8)


def test_another_method_keeps_what_it_takes_and_nothing_else():
    spec = FinetuneSpec(method="full", learning_rate=1e-5, batch_size=4, limit=7)
    other = changed(spec, {"method": "lora"})
    assert (other.method, other.batch_size, other.limit) == ("lora", 4, 7)
    assert other.learning_rate == FinetuneSpec().learning_rate
    assert changed(FinetuneSpec(r=4), {"method": "qlora"}).r == 4


def test_a_budget_of_time_is_filled_and_not_overdrawn():
    measured = calibration()
    one = case(measured, packing="padded", max_steps=50)
    steps = steps_within(one, 100.0)
    assert 0 < steps < 50
    assert forecast(one.of(replace(one.spec, max_steps=steps))).seconds.value <= 100
    assert forecast(one.of(replace(one.spec, max_steps=steps + 1))).seconds.value > 100
    assert steps_within(one, 1.0) == 0


def planner(folder, **settings):
    """Return the planner of a run in a folder, and the list that gets its events."""
    one, told = case(calibration(token_bytes=2.0 * MIB), **settings), []
    emit = lambda kind, **values: told.append({"kind": kind, **values})  # noqa: E731
    return Planner(Job(folder, one.spec, emit, lambda: False, False), one), told


def test_a_budget_of_memory_changes_the_mildest_setting_and_says_so(tmp_path):
    found, told = planner(tmp_path, batch_size=8, budget=("700MiB",))
    found.begin()
    assert found.spec.gradient_accumulation_steps > 1
    assert found.spec.batch_size == 8
    kept = json.loads((tmp_path / "plan.json").read_text())
    assert kept["forecast"]["memory"]["high"] <= 700 * MIB
    assert "gradient_accumulation_steps is" in kept["changes"][0]
    assert kept["changes"][0] in [event.get("text") for event in told]
    assert FinetuneSpec.from_yaml((tmp_path / "spec.yaml").read_text()) == found.spec


def test_a_budget_that_nothing_fits_into_is_refused(tmp_path):
    found, _ = planner(tmp_path, budget=("200MB",))
    with pytest.raises(SpecError, match="No settings near these fit into 191 MiB"):
        found.begin()


def test_a_run_that_cannot_fit_is_refused_with_what_fits_unless_forced(tmp_path, monkeypatch):
    monkeypatch.setattr("labkit.machine.memory_limit", lambda: 800 * MIB)
    with pytest.raises(SpecError, match="800 MiB is the limit here") as caught:
        planner(tmp_path, batch_size=8)[0].begin()
    assert "What fits: gradient_accumulation_steps: " in caught.value.hint
    assert "force: true" in caught.value.hint
    shown = plain(plan_blocks(json.loads((tmp_path / "plan.json").read_text())))
    assert "It does not fit" in shown
    assert "peak memory" in shown
    planner(tmp_path, batch_size=8, force=True)[0].begin()


@pytest.mark.parametrize("budget", ["5 apples", "5m,6m", "0s", "1.5"])
def test_a_budget_that_says_nothing_is_refused(budget):
    with pytest.raises(SpecError, match="budget must"):
        FinetuneSpec(budget=tuple(budget.split(",")))


def test_a_budget_may_name_time_and_memory():
    spec = FinetuneSpec.from_yaml("budget: [5m, 1.5GB]")
    assert (spec.budget_seconds, spec.budget_bytes) == (300, 1.5e9)
    assert FinetuneSpec(budget="90s").budget_bytes is None


def test_a_teacher_takes_its_weights_its_logits_and_its_forward_passes():
    alone = case(calibration())
    settings = {"loss": "distillation", "teacher": "big", "temperature": 1.0}
    taught = replace(case(calibration(), **settings), teacher=model())
    base, more = forecast(alone), forecast(taught)
    weights = sum(prod(shape) for shape in model().shapes.values())
    assert more.parts["weights"] - base.parts["weights"] == 4 * weights
    assert more.parts["logits"] == pytest.approx(base.parts["logits"] * 7 / 3)
    assert more.parts["activations"] == base.parts["activations"]
    mean, _ = passes(alone.rows, alone.spec)
    forward = calibration().token_seconds / passes_of(alone.body, alone.spec)
    ratio = weights / alone.body.total
    step = (more.training.value - base.training.value) / base.max_steps
    assert step == pytest.approx(forward * mean.tokens * ratio)


def test_the_teacher_is_a_run_or_a_model_that_is_at_hand(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    create("mine", "finetune", FinetuneSpec(model=str(tiny_model)))
    settings = {"loss": "distillation"}
    whole = sketch(tiny_model)
    assert teacher_of(FinetuneSpec(teacher="mine", **settings)) == whole
    assert teacher_of(FinetuneSpec(teacher=str(tiny_model), **settings)) == whole
    assert teacher_of(FinetuneSpec()) is None


def test_a_model_in_four_bits_is_merged_in_fp32_to_be_measured_which_may_take_the_most():
    light = calibration(token_bytes=1.0)
    small = forecast(case(light, method="qlora", batch_size=1))
    base, inside = VOCABULARY * HIDDEN + 2 * BLOCKS * HIDDEN * INNER, 2 * BLOCKS * HIDDEN * INNER
    assert small.parts["gradients"] == small.parts["optimizer"] == 0
    assert small.parts["weights"] > 4 * base + 0.5 * inside
    heavy = forecast(case(calibration(), method="qlora"))
    assert heavy.parts["gradients"] > 0


def test_a_probe_of_few_tokens_hardly_changes_what_the_model_of_the_work_says():
    spec = FinetuneSpec()
    body = case().body
    guess = token_bytes(body, spec)
    one = Seen(tokens=50, targets=4, seconds=0.5, peak=500.0 * MIB)
    for more, share in ((50, 1 / 7), (2700, 0.9)):
        seen = Seen(50 + more, 4, 1.0, 500.0 * MIB + 3 * guess * more)
        assert calibrated(one, seen, spec, body).token_bytes == pytest.approx(
            guess * (1 + 2 * share)
        )
