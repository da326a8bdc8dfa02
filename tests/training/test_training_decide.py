"""When rows are packed, when not, and what is said about it."""

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, rows, spec, tuned

from labkit.errors import SpecError
from labkit.training import add_adapter, check
from labkit.training.decide import Case, decide, kept


def decided(tmp_path, model, data=None, **settings):
    events = Events()
    case = Case(model, spec(**settings), data or rows(8), events)
    return decide(case, 0, tmp_path), events


def test_rows_are_packed_after_the_first_loss_came_out_equal(tmp_path):
    how, events = decided(tmp_path, add_adapter(tiny_model(), spec()))
    [found] = events.of("check")
    assert how.packing == "packed"
    assert how.share_prefix
    assert found["equal"]
    assert found["loss_packed"] == pytest.approx(found["loss_plain"], abs=1e-4)
    assert found["gradient_difference"] <= 1e-5
    assert min(found["seconds_packed"], found["seconds_plain"]) > 0


def test_the_check_changes_neither_weights_nor_random_state():
    model = tuned(attention_dropout=0.5).train()
    before = {name: p.clone() for name, p in model.named_parameters()}
    state = torch.random.get_rng_state()
    check.compare(model, rows(8), "fp32", share_prefix=False)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    assert model.config._attn_implementation == "sdpa"


def mix_neighbours(module, args, output):
    """A layer that looks at the token before, whichever row that is of."""
    return output + 0.1 * output.roll(1, dims=1)


def test_a_model_that_mixes_tokens_outside_its_attention_is_padded(tmp_path):
    model = add_adapter(tiny_model(), spec())
    model.get_base_model().model.layers[0].mlp.register_forward_hook(mix_neighbours)
    how, events = decided(tmp_path, model)
    assert how.packing == "padded"
    assert not events.of("check")[0]["equal"]
    assert "the packed loss is" in events.of("note")[0]["text"]


PADDED = {
    "bloom": ({"n_layer": 2, "n_head": 4}, "own attention"),
    "gemma2": ({"head_dim": 8}, "own attention"),
    "gemma3": ({"head_dim": 8, "sliding_window": 8}, "attention window of 8"),
}


@pytest.mark.parametrize("family", PADDED)
def test_models_that_cannot_be_packed_are_padded_and_it_is_said(tmp_path, family):
    settings, reason = PADDED[family]
    how, events = decided(tmp_path, add_adapter(tiny_model(family, **settings), spec()))
    assert how.packing == "padded"
    assert reason in events.of("note")[0]["text"]


def test_with_dropout_the_prefix_is_not_shared_and_it_is_said(tmp_path):
    how, events = decided(tmp_path, add_adapter(tiny_model(), spec(lora_dropout=0.1)))
    assert (how.packing, how.share_prefix) == ("packed", False)
    assert "0.1" in events.of("note")[0]["text"]


def test_packing_that_is_asked_for_and_impossible_is_refused(tmp_path):
    model = add_adapter(tiny_model("gemma3", head_dim=8, sliding_window=8), spec())
    with pytest.raises(SpecError, match="attention window of 8"):
        decided(tmp_path, model, packing="packed")


def test_the_choice_is_kept_for_a_resumed_run(tmp_path):
    how, _ = decided(tmp_path, add_adapter(tiny_model(), spec()), packing="padded")
    assert kept(tmp_path) == how
    assert kept(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("loss", "gradient_difference"), [(2.0002, 0.0), (2.0, 2e-5), (float("nan"), 0.0)]
)
def test_a_small_difference_is_a_difference(loss, gradient_difference):
    found = check.Comparison(4, loss, 2.0, gradient_difference, 1.0, 1.0, "fp32")
    assert not found.equal
