"""A model on several devices computes what it computes on one."""

import pytest
import torch

import labkit
from labkit.data import Tokens
from labkit.errors import SpecError
from labkit.training import batches
from labkit.training.methods import add_adapter, base_of, head_of, load_base, placed, spread


def test_a_spread_model_gives_the_same_loss_and_gradients(tiny_model, settings):
    spec = labkit.FinetuneSpec(**settings)
    rows = [Tokens([5, 6, 7, 8, 9], 2), Tokens([9, 8, 7], 1)]
    found = []
    for is_spread in (False, True):
        torch.manual_seed(0)
        model = add_adapter(load_base(tiny_model), spec).train(False)
        if is_spread:
            names = ["model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"]
            layers = [f"model.layers.{i}" for i in range(len(base_of(model).model.layers))]
            spread(model, dict.fromkeys([*names, *layers], "cpu"))
            assert hasattr(base_of(model).model.layers[0], "_hf_hook")
        loss = batches.loss_sum(model, batches.pad(rows), head_of(model))
        loss.backward()
        gradients = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        found.append((loss.item(), gradients))
    (loss, before), (other, after) = found
    assert loss == other
    assert any(gradient.abs().max() > 0 for gradient in before.values())
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_on_one_device_there_is_nothing_to_spread(tiny_model, settings):
    spec = labkit.FinetuneSpec(device_map="auto", **settings)
    if torch.cuda.device_count() < 2:
        assert not hasattr(placed(load_base(tiny_model), spec), "hf_device_map")


def test_a_spread_model_has_one_process(settings):
    with pytest.raises(SpecError, match=r"device_map is for one process .* got processes 2"):
        labkit.FinetuneSpec(device_map="auto", processes=2, **settings)
