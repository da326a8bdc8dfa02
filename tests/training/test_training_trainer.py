"""Whole runs against the plain Trainer of Transformers, and the promises of a run."""

import json
import re

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, files, rows, run, spec, tuned
from transformers import Trainer, TrainerCallback, TrainingArguments

from labkit.errors import RunError, RunFailed, SpecError
from labkit.training import How, PackedTrainer, add_adapter, batches, check, packed, plan
from labkit.training.surroundings import quiet

OVERSHOOTING = {"learning_rate": 0.3, "lr_scheduler_type": "constant"}
"""Steps so large that the validation loss soon rises."""


class Record(TrainerCallback):
    """Losses and the gradient of each step, after clipping."""

    def __init__(self):
        self.losses, self.gradients = [], []

    def on_pre_optimizer_step(self, args, state, control, model, **_):
        learning = [p.grad.flatten().clone() for p in model.parameters() if p.requires_grad]
        self.gradients.append(torch.cat(learning))

    def on_log(self, args, state, control, logs, **_):
        if "loss" in logs:
            self.losses.append(logs["loss"])


def reference(tmp_path, data, settings, base=None):
    """The plain Trainer with a padding collator, as a user would write it."""
    parts = settings.gradient_accumulation_steps
    arguments = TrainingArguments(
        output_dir=str(tmp_path), max_steps=settings.max_steps, seed=0, data_seed=0, use_cpu=True,
        per_device_train_batch_size=settings.batch_size // parts, logging_steps=1,
        gradient_accumulation_steps=parts, learning_rate=settings.learning_rate, warmup_steps=2,
        lr_scheduler_type="cosine", weight_decay=0.0, remove_unused_columns=False,
        report_to="none", disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    record = Record()
    model = add_adapter(base or tiny_model(), settings)
    trainer = Trainer(
        model=model, args=arguments, train_dataset=data, data_collator=batches.plain,
        callbacks=[record],
    )  # fmt: skip
    trainer.train()
    return record


def ours(tmp_path, data, settings, packing, base=None):
    record = Record()
    model = add_adapter(base or tiny_model(), settings)
    with check.attention(model, packed.NAME if packing == "packed" else "sdpa"):
        trainer = PackedTrainer(model, settings, (data, []), how=How(packing), output_dir=tmp_path)
        trainer.add_callback(record)
        trainer.train()
    return record


@pytest.mark.parametrize("packing", ["packed", "padded"])
@pytest.mark.parametrize("parts", [1, 2])
def test_the_first_16_losses_and_gradients_are_those_of_the_plain_trainer(tmp_path, packing, parts):
    settings = spec(max_steps=16, batch_size=4, gradient_accumulation_steps=parts)
    data = rows(22)  # 5.5 batches: the last step of an epoch is a short one
    with quiet():
        expected = reference(tmp_path / "a", data, settings)
        found = ours(tmp_path / "b", data, settings, packing)
    assert len(found.losses) == 16
    assert found.losses == pytest.approx(expected.losses, abs=1e-4)
    assert found.losses[-1] < found.losses[0] - 0.05
    first = (found.gradients[0] - expected.gradients[0]).norm() / expected.gradients[0].norm()
    last = (found.gradients[-1] - expected.gradients[-1]).norm() / expected.gradients[-1].norm()
    assert first <= 1e-5
    assert last <= 1e-3  # sixteen steps of rounding later


def test_the_same_spec_twice_gives_the_same_adapter_bit_for_bit(tmp_path):
    torch.manual_seed(1)
    run(tmp_path / "a")
    torch.manual_seed(2)
    run(tmp_path / "b")
    assert files(tmp_path / "a/adapter") == files(tmp_path / "b/adapter")


def test_a_run_emits_what_was_measured(tmp_path):
    result, events = run(tmp_path, max_steps=5, eval_steps=2)
    assert result.status == "done"
    assert [e["step"] for e in events.of("step")] == [1, 2, 3, 4, 5]
    assert [e["step"] for e in events.of("eval")] == [2, 4, 5]
    assert {e["max_steps"] for e in events.of("step")} == {5}
    assert all(e["tokens"] > 0 and e["n_tokens"] > e["tokens"] for e in events.of("step"))
    assert all(e["seconds"] > 0 and e["grad_norm"] > 0 for e in events.of("step"))
    assert len(events.of("precision")) == len(events.of("check")) == 1


def test_eval_loss_is_the_mean_over_all_evaluation_targets(tmp_path):
    model, data = tuned(), rows(30)
    trainer = PackedTrainer(model, spec(), (data, data), how=How("padded"), output_dir=tmp_path)
    sums = [model(**batches.plain([row])).loss.item() * batches.n_targets(row) for row in data]
    expected = sum(sums) / sum(map(batches.n_targets, data))
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected, abs=1e-5)


def test_the_adapter_kept_is_that_of_the_best_validation(tmp_path):
    result, events = run(tmp_path, **OVERSHOOTING, max_steps=16, eval_steps=2)
    losses = {e["step"]: e["eval_loss"] for e in events.of("eval")}
    best = min(losses, key=losses.get)
    assert best < 16, "the run must overshoot to show anything"
    assert (result.adapter_step, result.eval_loss) == (best, losses[best])
    kept = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert kept == {f"checkpoint-{best}", "checkpoint-16"}
    saved = files(tmp_path / f"checkpoints/checkpoint-{best}")["adapter_model.safetensors"]
    assert files(tmp_path / "adapter")["adapter_model.safetensors"] == saved


def test_without_load_best_the_last_adapter_is_kept(tmp_path):
    result, _ = run(tmp_path, **OVERSHOOTING, max_steps=16, load_best_model_at_end=False)
    assert result.adapter_step == 16


def test_early_stopping_ends_after_patience_validations_without_progress(tmp_path):
    result, events = run(
        tmp_path, **OVERSHOOTING, max_steps=40, eval_steps=1, early_stopping_patience=3
    )
    losses = [e["eval_loss"] for e in events.of("eval")]
    assert result.status == "done"
    assert result.step == losses.index(min(losses)) + 1 + 3 < 40


def test_without_evaluation_rows_the_last_adapter_is_kept(tmp_path):
    from labkit.training import train

    events = Events()
    result = train(
        tiny_model(), None, rows(8), [], spec(max_steps=3), output_dir=tmp_path, emit=events
    )
    assert (result.adapter_step, result.eval_loss) == (3, None)
    assert events.of("eval") == []


def test_a_callback_may_use_random_numbers_and_text_generation(tmp_path):
    from labkit.training import train

    seen = []

    def sample(model, step):
        torch.manual_seed(step)
        start = torch.tensor([rows(1)[0].input_ids[:8]])
        answer = model.generate(input_ids=start, max_new_tokens=2, do_sample=True)
        seen.append((step, model.training, answer.shape[1] > 8))

    data = rows(30)
    settings = spec(lora_dropout=0.1)  # draws random numbers in each step
    for name, callback in (("a", sample), ("b", None)):
        train(
            tiny_model(), None, data[:22], data[22:], settings, output_dir=tmp_path / name,
            emit=Events(), on_evaluate=callback,
        )  # fmt: skip
    assert seen[0] == (1, False, True)
    assert files(tmp_path / "a/adapter") == files(tmp_path / "b/adapter")


def test_a_loss_that_is_not_finite_ends_the_run_with_a_sentence(tmp_path):
    model = tiny_model()
    model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(RunFailed, match=r"not a finite number at step 1.*lm_head\.weight"):
        run(tmp_path, model=model, packing="padded")


def test_a_loss_that_is_not_finite_names_its_layer_and_its_rows(tmp_path):
    model = tiny_model()
    inner = model.model.layers[1].mlp.up_proj
    inner.register_forward_hook(lambda layer, inputs, output: output * float("inf"))
    with pytest.raises(RunFailed) as caught:
        run(tmp_path, model=model, packing="padded", batch_size=2)
    said = str(caught.value)
    assert "The first layer that gave such a value is model.layers.1.mlp.up_proj." in said
    named = re.search(r"training rows, counted from 0: (\d+), (\d+)\.", said)
    assert all(0 <= int(place) < 22 for place in named.groups())


def test_an_adapter_that_learned_nothing_is_refused(tmp_path):
    with pytest.raises(RunFailed, match="learned nothing"):
        run(tmp_path, learning_rate=1e-45, max_steps=2)


def test_a_new_run_does_not_write_over_an_earlier_one(tmp_path):
    run(tmp_path, max_steps=2)
    with pytest.raises(RunError, match="without checkpoints"):
        run(tmp_path, max_steps=2)


def test_gradient_checkpointing_changes_nothing_but_memory(tmp_path):
    run(tmp_path / "a", max_steps=4)
    run(tmp_path / "b", max_steps=4, gradient_checkpointing=True)
    assert json.loads((tmp_path / "b/how.json").read_text())["packing"] == "packed"
    assert files(tmp_path / "a/adapter") == files(tmp_path / "b/adapter")


def test_the_plan_counts_before_anything_is_trained():
    data = rows(22)
    settings = spec(max_steps=None, num_train_epochs=2.5, batch_size=4)
    found = plan(tiny_model(), data, settings)
    assert (found.steps_per_epoch, found.max_steps) == (6, 15)
    assert found.trainable == sum(
        p.numel() for p in add_adapter(tiny_model(), settings).parameters() if p.requires_grad
    )
    assert found.n_tokens == sum(len(row.input_ids) for row in data)
    assert found.n_targets == sum(len(row.input_ids) - row.n_prompt for row in data)
    assert plan(add_adapter(tiny_model(), settings), data, settings) == found


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_run_takes_the_precision_it_was_given(tmp_path, precision):
    result, events = run(tmp_path, max_steps=3, precision=precision)
    assert result.how.precision == precision
    assert events.of("check")[0]["equal"]


@pytest.mark.parametrize("packing", ["packed", "padded"])
def test_batches_made_by_workers_are_those_made_between_the_steps(tmp_path, packing):
    settings = {"max_steps": 5, "gradient_accumulation_steps": 2, "packing": packing}
    alone, events = run(tmp_path / "alone", **settings)
    made, others = run(tmp_path / "made", dataloader_num_workers=2, **settings)
    assert [e["loss"] for e in others.of("step")] == [e["loss"] for e in events.of("step")]
    assert files(made.learned) == files(alone.learned)


def test_the_rows_of_a_failed_step_are_named_with_workers_too(tmp_path):
    model = tiny_model()
    model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(RunFailed, match=r"training rows, counted from 0: \d+, \d+\."):
        run(tmp_path, model=model, batch_size=2, dataloader_num_workers=1)


def test_workers_do_not_go_with_states_that_are_kept():
    with pytest.raises(SpecError, match="dataloader_num_workers must be 0 with last_layers"):
        spec(last_layers=1, dataloader_num_workers=2)
