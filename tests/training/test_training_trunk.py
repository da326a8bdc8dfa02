"""Frozen layers that are computed once: the same losses, gradients and adapters, and less work."""

import shutil
from collections import namedtuple

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, Row, files, rows, spec

from labkit.errors import RunError
from labkit.training import How, PackedTrainer, add_adapter, batches, check, packed, train
from labkit.training.methods import head_of
from labkit.training.states import GROUP_TOKENS, Store, groups
from labkit.training.trunk import Trunk

LAST = {
    "llama": (4, ["model.layers.3.self_attn.q_proj", "model.layers.3.mlp.down_proj"]),
    "gpt2": (4, ["transformer.h.3.attn.c_attn", "transformer.h.3.mlp.c_proj"]),
    "gemma3": (4, ["model.layers.3.self_attn.q_proj", "model.layers.3.mlp.down_proj"]),
}
"""Layers of each model, and where the adapter of the last one sits."""


def settings(architecture="llama", **changes):
    return spec(target_modules=tuple(LAST[architecture][1]), last_layers=1, **changes)


def model_of(architecture="llama", **config):
    """Return a model of four layers with a working adapter on the last."""
    made = tiny_model(architecture, num_hidden_layers=LAST[architecture][0], **config)
    model = add_adapter(made, settings(architecture))
    generator = torch.Generator().manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.05, generator=generator)
    return model


class Work:
    """Counts the tokens that each layer of a model computes."""

    def __init__(self, model):
        self.tokens = [0, 0, 0, 0]
        for at in range(4):
            layer = model.get_submodule(f"base_model.model.model.layers.{at}.mlp")
            layer.register_forward_hook(lambda _m, args, _o, at=at: self.count(at, args[0]))

    def count(self, at, states):
        self.tokens[at] += states.shape[:-1].numel()


def trained(tmp_path, *, last_layers, **changes):
    """Train with or without the shortcut; return the events and the tokens of each layer."""
    data, model = rows(30), model_of()
    plan = settings(**{"max_steps": 12, "eval_steps": 3, "batch_size": 4} | changes)
    object.__setattr__(plan, "last_layers", last_layers)
    work = Work(model)
    events = Events()
    train(model, None, data[:22], data[22:], plan, output_dir=tmp_path, emit=events)
    return events, work.tokens


def losses(events):
    return [e.get("loss", e.get("eval_loss")) for e in events if e["kind"] in ("step", "eval")]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
@pytest.mark.parametrize("packing", ["packed", "padded"])
def test_loss_and_gradient_from_kept_states_are_those_of_the_whole_model(
    tmp_path, architecture, packing
):
    model, data, events = model_of(architecture), rows(22), Events()
    with check.attention(model, packed.NAME if packing == "packed" else "sdpa"):
        short, whole = (
            PackedTrainer(
                model, plan, (data[:11], data[11:]), how=How(packing), output_dir=tmp_path,
                emit=events,
            )
            for plan in (settings(architecture), spec())
        )  # fmt: skip
        for rounds in range(2):  # the first fills, the second only reads
            for at in range(0, 11, 3):
                found, expected = (
                    loss_and_gradient(trainer, data[at : at + 3]) for trainer in (short, whole)
                )
                assert found[0] == pytest.approx(expected[0], abs=1e-5), rounds
                torch.testing.assert_close(found[1], expected[1], atol=1e-5, rtol=1e-4)
        assert short.evaluate()["eval_loss"] == pytest.approx(
            whole.evaluate()["eval_loss"], abs=1e-5
        )
    assert "first 3 of 4 layers learn nothing" in events.of("note")[0]["text"]


def loss_and_gradient(trainer, data):
    model = trainer.tuned
    loss = trainer.compute_loss(model, trainer._collate(data))
    gradient = torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad])
    return loss.item(), torch.cat([part.flatten() for part in gradient])


@pytest.mark.parametrize("changes", [{}, {"lora_dropout": 0.2}, {"packing": "padded"}], ids=str)
def test_a_run_learns_the_same_with_and_without_the_shortcut(tmp_path, changes):
    found = trained(tmp_path / "a", last_layers=1, **changes)[0]
    expected = trained(tmp_path / "b", last_layers=None, **changes)[0]
    assert losses(found) == pytest.approx(losses(expected), abs=1e-5)
    assert losses(found)[-1] < losses(found)[0]


def test_later_passes_compute_no_frozen_layer(tmp_path):
    short, long = (
        trained(tmp_path / str(steps), last_layers=1, max_steps=steps, eval_steps=6)[1]
        for steps in (6, 24)
    )
    assert long[:3] == short[:3], "one pass and four need the same work below"
    assert long[3] > 2.5 * short[3]


def test_a_stopped_and_resumed_run_ends_with_the_same_bytes(tmp_path):
    asked = iter([False] * 7 + [True] * 9)
    data, plan = rows(30), settings(max_steps=12, eval_steps=3, batch_size=4, lora_dropout=0.1)
    for name, stop, resume in (
        ("a", lambda: False, False), ("b", lambda: next(asked), False), ("b", lambda: False, True),
    ):  # fmt: skip
        result = train(
            model_of(), None, data[:22], data[22:], plan, output_dir=tmp_path / name, emit=Events(),
            should_stop=stop, resume=resume,
        )  # fmt: skip
    assert (result.status, result.step) == ("done", 12)
    assert files(tmp_path / "a/adapter") == files(tmp_path / "b/adapter")


def test_nothing_of_the_states_is_left_in_the_folder(tmp_path):
    trained(tmp_path, last_layers=1, max_steps=2)
    assert {path.name for path in tmp_path.iterdir()} == {"adapter", "checkpoints", "how.json"}


def test_where_layers_draw_random_numbers_they_are_computed_each_time(tmp_path):
    model = model_of("gpt2", resid_pdrop=0.1)
    data, events = rows(8), Events()
    trainer = PackedTrainer(
        model, settings("gpt2"), (data, []), how=How("padded"), output_dir=tmp_path, emit=events
    )
    assert "states" not in trainer._collate(data)
    assert events.of("note")[0]["text"] == (
        "The frozen layers are computed in each pass: they draw random numbers (dropout)."
    )


def test_where_the_embedding_learns_nothing_is_kept():
    model = model_of()
    model.get_input_embeddings().weight.requires_grad_(True)
    batch = batches.pad(rows(3))
    assert Trunk.of(model).obstacle(batch) == "something before the last layers learns"


def test_an_adapter_on_every_layer_leaves_nothing_to_keep():
    model = add_adapter(tiny_model(), spec())
    assert "first layer of the model learns" in Trunk.of(model).obstacle(batches.pad(rows(3)))


def test_a_wrong_state_is_found_before_it_is_used():
    trunk, batch = Trunk.of(model_of()), batches.pad(rows(3))
    states = trunk.states(batch)
    head = head_of(trunk.model)
    assert trunk.obstacle(batch) is None
    wrong = trunk.loss_sum(batch, head, states + 0.1, trunk.model)
    right = trunk.loss_sum(batch, head, states, trunk.model)
    assert abs((wrong - right).item()) > 1e-3
    assert "without them the loss is" in trunk._difference(batch, states + 0.1)


def counting(calls):
    def compute(given):
        calls.append(len(given))
        return [torch.tensor(row.input_ids[:-1]).float()[:, None] * 2 for row in given]

    return compute


def test_each_row_is_computed_once_and_equal_rows_and_beginnings_lie_there_once(tmp_path):
    start = list(range(40))
    data = [Row([*start, 50 + at % 5, at % 5, 9 + at], 41) for at in range(10)]
    calls = []
    store = Store(data, counting(calls), tmp_path)
    for _ in range(3):
        for row in data:
            assert store.of(row)[:, 0].tolist() == [2 * token for token in row.input_ids[:-1]]
            assert store.of(row, 38)[:, 0].tolist() == [2 * t for t in row.input_ids[38:-1]]
    assert calls == [5], "rows that differ in their last token alone are fed the same"
    assert store.size == 4 * (40 + 5 * 2)


def test_groups_are_the_same_in_whatever_order_rows_come():
    data = rows(400)
    cut = groups(data)
    assert groups(data[::-1]) == cut
    assert len(cut) > 2
    assert all(sum(len(row.input_ids) for row in group) <= GROUP_TOKENS for group in cut)


def test_a_disk_without_room_is_a_sentence(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(2**40, 2**40 - 2**20, 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunError, match=r"last_layers keeps 1 MiB of states in .*1 MiB are free"):
        Store(rows(3), counting([]), tmp_path)
