"""Packed and padded batches against the model's own loss and gradient."""

import pytest
import torch
from training_tiny import Row, rows, tuned

from labkit.training import batches, check, packed
from labkit.training.methods import head_of
from labkit.training.ready import recompute_activations

FAMILIES = ("llama", "qwen3", "gemma3", "phi3", "gpt_neox", "gpt2")


def gradient(loss, model):
    learning = [p for p in model.parameters() if p.requires_grad]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, learning)])


def plain(model, data):
    """Loss and gradient as Transformers computes them, from padded rows and labels."""
    loss = model(**batches.plain(data)).loss
    return loss.item(), gradient(loss, model)


def ours(model, batch):
    name = packed.NAME if "packed_layout" in batch else "sdpa"
    with check.attention(model, name):
        loss = batches.loss_sum(model, batch, head_of(model)) / len(batch["targets"])
        return loss.item(), gradient(loss, model)


def assert_equal(found, expected):
    assert found[0] == pytest.approx(expected[0], abs=1e-5)
    assert (found[1] - expected[1]).norm() <= 1e-5 * expected[1].norm()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shared", [9, 0])
def test_a_packed_batch_has_the_loss_and_gradient_of_the_plain_model(family, shared):
    model, data = tuned(family), rows(5, shared=shared)
    batch = batches.pack(data)
    assert batch["packed_layout"].prefix == shared
    assert_equal(ours(model, batch), plain(model, data))


ROWS = {
    "one row": [Row([5, 6, 7, 8, 2], 3)],
    "the prefix is the whole prompt": [Row([5, 6, 7, 8, 2], 3), Row([5, 6, 7, 9, 9, 2], 3)],
    "a prompt that begins another": [Row([5, 6, 2], 2), Row([5, 6, 7, 8, 9, 2], 4)],
    "the same row twice": [Row([5, 6, 7, 2], 2), Row([5, 6, 7, 2], 2)],
    "no prompt": [Row([5, 6, 7, 2], 0), Row([5, 6, 2], 0)],
    "a row without a target": [Row([5, 6, 7, 8], 4), Row([5, 6, 7, 8, 2], 3)],
    "equal lengths": [Row([5, 6, 7, 2], 2), Row([5, 9, 7, 2], 3)],
}


@pytest.mark.parametrize("case", ROWS)
def test_packing_is_exact_for_rows_at_the_edge(case):
    model = tuned()
    assert_equal(ours(model, batches.pack(ROWS[case])), plain(model, ROWS[case]))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_padded_batch_with_few_logits_is_exact(family):
    model, data = tuned(family), rows(5)
    assert_equal(ours(model, batches.pad(data)), plain(model, data))


def test_packing_without_a_shared_prefix_is_exact_too():
    model, data = tuned(), rows(5)
    batch = batches.pack(data, share_prefix=False)
    assert batch["packed_layout"].prefix == 0
    assert_equal(ours(model, batch), plain(model, data))


def test_packing_is_exact_with_gradient_checkpointing():
    model, data = tuned().train(), rows(5)
    expected = plain(model, data)
    recompute_activations(model.get_base_model())
    assert_equal(ours(model, batches.pack(data)), expected)


def test_a_packed_batch_holds_each_token_that_predicts_and_the_prefix_once():
    data = [Row([5, 6, 7, 8, 2], 4), Row([5, 6, 9, 2], 3)]
    batch = batches.pack(data)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 2]]
    assert batch["positions"].tolist() == [3, 4]
    assert batch["targets"].tolist() == [2, 2]


def test_a_row_sees_nothing_of_another_row():
    model, data = tuned(), rows(4)
    other = [*data[:3], Row([*data[3].input_ids[:9], 150, 151, 152, 2], 12)]
    sums = []
    for batch in (batches.pack(data), batches.pack(other)):
        n = sum(map(batches.n_targets, data[:3]))
        batch |= {"positions": batch["positions"][:n], "targets": batch["targets"][:n]}
        sums.append(ours(model, batch)[0])
    assert sums[0] == pytest.approx(sums[1], abs=1e-6)


def test_a_plain_call_under_the_packed_attention_is_the_models_own():
    model, data = tuned(), rows(4)
    expected = model(**batches.plain(data)).logits
    with check.attention(model, packed.NAME):
        assert torch.equal(model(**batches.plain(data)).logits, expected)
