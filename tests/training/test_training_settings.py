"""Settings of steps and checkpoints do what they say: optimizer, LoRA+, limit, TensorBoard logs."""

import math
import sys

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, files, rows, run, spec, tuned

from labkit.errors import MissingExtra
from labkit.training import How, PackedTrainer, add_adapter, check, checkpoints, packed
from labkit.training.tensorboard import mirrored

KINDS = {"adamw_torch_fused": "AdamW", "adamw_torch": "AdamW", "adafactor": "Adafactor"}


@pytest.mark.parametrize("optim", ["adamw_torch_fused", "adamw_torch", "adafactor", "sgd"])
def test_the_optimizer_is_the_one_that_was_asked_for(tmp_path, optim):
    model = add_adapter(tiny_model(), spec())
    trainer = PackedTrainer(
        model, spec(optim=optim), (rows(4), []), how=How("padded"), output_dir=tmp_path
    )
    made = trainer.create_optimizer()
    assert type(made).__name__ == KINDS.get(optim, "SGD")
    assert bool(made.defaults.get("fused")) == (optim == "adamw_torch_fused")


def test_plain_gradient_descent_takes_steps_of_the_learning_rate(tmp_path):
    model = tuned()
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    gradients = {}
    settings = spec(optim="sgd", max_steps=1, lr_scheduler_type="constant", max_grad_norm=1e9)
    trainer = PackedTrainer(model, settings, (rows(8), []), how=How("padded"), output_dir=tmp_path)
    step = trainer.create_optimizer().step

    def watched(*args, **kwargs):
        gradients.update({n: p.grad.clone() for n, p in model.named_parameters() if n in before})
        return step(*args, **kwargs)

    trainer.optimizer.step = watched
    trainer.train()
    for name, parameter in model.named_parameters():
        if name in before:
            expected = before[name] - settings.learning_rate * gradients[name]
            torch.testing.assert_close(parameter.detach(), expected)


class Rates(list):
    """Learning rates of LoRA's A and B at each step."""

    def watch(self, trainer):
        step = trainer.create_optimizer().step

        def watched(*args, **kwargs):
            self.append(self.read(trainer))
            return step(*args, **kwargs)

        trainer.optimizer.step = watched

    @staticmethod
    def read(trainer):
        names = {id(p): name for name, p in trainer.tuned.named_parameters()}
        found = {"A": set(), "B": set()}
        for group in trainer.optimizer.param_groups:
            for p in group["params"]:
                found["B" if "lora_B" in names[id(p)] else "A"].add(group["lr"])
        return found


def test_with_lora_plus_b_learns_16_times_as_fast_as_a_at_each_step(tmp_path):
    settings = spec(loraplus_lr_ratio=16, max_steps=6, warmup_ratio=0.3)
    model, rates = add_adapter(tiny_model(), settings), Rates()
    with check.attention(model, packed.NAME):
        trainer = PackedTrainer(model, settings, (rows(22), []), how=How(), output_dir=tmp_path)
        rates.watch(trainer)
        trainer.train()
    assert len(rates) == 6
    for at in rates:
        (a,), (b,) = at["A"], at["B"]
        assert b == pytest.approx(16 * a)
    assert len({min(at["A"]) for at in rates}) > 3, "the schedule moves both"


def test_lora_plus_changes_the_result_and_resumes_bit_for_bit(tmp_path):
    settings = {"loraplus_lr_ratio": 16, "max_steps": 6, "eval_steps": 2, "lora_dropout": 0.1}
    asked = iter([False] * 3 + [True] * 9)
    run(tmp_path / "a", **settings)
    run(tmp_path / "b", should_stop=lambda: next(asked), **settings)
    result, _ = run(tmp_path / "b", resume=True, **settings)
    run(tmp_path / "c", **settings | {"loraplus_lr_ratio": None})
    whole, resumed, plain = (files(tmp_path / name / "adapter") for name in "abc")
    assert result.status == "done"
    assert resumed == whole
    assert plain["adapter_model.safetensors"] != whole["adapter_model.safetensors"]


@pytest.mark.parametrize(
    ("limit", "best", "kept"),
    [
        (1, 4, {16, 4}),
        (2, 4, {16, 4}),
        (3, 4, {16, 14, 4}),
        (5, 12, {16, 14, 12, 10, 8}),
        (1, 16, {16}),
        (2, 16, {16, 14}),
        (99, 4, set(range(2, 17, 2))),
    ],
)
def test_the_newest_checkpoints_and_the_best_are_kept(tmp_path, limit, best, kept):
    for step in range(2, 17, 2):
        (tmp_path / f"checkpoint-{step}").mkdir()
    found = checkpoints.worth_keeping(tmp_path, tmp_path / f"checkpoint-{best}", limit)
    assert {checkpoints.step_of(path) for path in found} == kept


def test_a_run_keeps_as_many_checkpoints_as_it_was_told(tmp_path):
    run(tmp_path, max_steps=8, eval_steps=1, save_total_limit=5)
    kept = {int(path.name[11:]) for path in (tmp_path / "checkpoints").iterdir()}
    assert len(kept) == 5
    assert {6, 7, 8} <= kept


def logs(folder):
    """Return what TensorBoard itself reads: scalars by tag as {step: value}, and texts."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    scalars = {
        tag: {e.step: e.value for e in found.Scalars(tag)} for tag in found.Tags()["scalars"]
    }
    assert all(len(scalars[tag]) == len(found.Scalars(tag)) for tag in scalars), "a step twice"
    texts = {
        tag.removesuffix("/text_summary"): [
            (e.step, e.tensor_proto.string_val[0].decode()) for e in found.Tensors(tag)
        ]
        for tag in found.Tags()["tensors"]
    }
    return scalars, texts


def test_every_event_is_in_the_logs_that_tensorboard_reads(tmp_path):
    events = Events()
    with mirrored(events, tmp_path) as emit:
        emit("precision", name="fp32", gflops={"fp32": 80.0, "bf16": 3.5})
        emit("step", step=1, max_steps=9, loss=2.5, learning_rate=1e-3)
        emit("sample", step=1, prompt="2 + 2 =", expected="4", answer="5")
        emit("resources", bytes=1024, cpu=1.5)
        emit("step", step=2, max_steps=9, loss=math.nan, learning_rate=2e-3)
    scalars, texts = logs(tmp_path)
    assert scalars["step/loss"] == {1: 2.5}
    assert scalars["step/learning_rate"] == pytest.approx({1: 1e-3, 2: 2e-3})
    assert scalars["precision/gflops/bf16"] == {0: 3.5}
    assert scalars["resources/bytes"] == {1: 1024}
    assert texts["sample"] == [(1, "**prompt**: 2 + 2 =  \n**expected**: 4  \n**answer**: 5")]
    assert texts["step"] == [(2, "**loss**: nan")]
    assert [e["kind"] for e in events] == ["precision", "step", "sample", "resources", "step"]


def test_a_resumed_run_goes_on_in_the_same_logs_and_replaces_what_it_takes_again(tmp_path):
    (tmp_path / "checkpoints/checkpoint-2").mkdir(parents=True)
    for start, loss in ((1, 1.0), (3, 7.0)):
        with mirrored(Events(), tmp_path) as emit:
            for step in range(start, start + 4):
                emit("step", step=step, max_steps=9, loss=loss)
    assert logs(tmp_path)[0]["step/loss"] == {1: 1.0, 2: 1.0, **dict.fromkeys((3, 4, 5, 6), 7.0)}


def test_without_tensorboard_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with (
        pytest.raises(MissingExtra, match=r"labkit\[tensorboard\]"),
        mirrored(Events(), tmp_path),
    ):
        pass
