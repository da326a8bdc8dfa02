"""Adapters: where they sit, how large they are, that they are seeded, saved and merged."""

import pytest
import torch
from tiny import tiny_model
from training_tiny import files, rows, spec, tuned

from labkit.errors import SpecError
from labkit.training import adapter_facts, add_adapter, batches, load_adapter, merge
from labkit.training.methods import save_adapter


def adapted(model):
    return {name.split(".")[-4] for name, p in model.named_parameters() if p.requires_grad}


def test_an_adapter_has_r_times_in_plus_out_parameters_a_layer():
    model = add_adapter(tiny_model(), spec(r=4))
    layer = 2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64)  # q o, k v, gate up down
    facts = adapter_facts(model)
    assert facts.trainable == 2 * 4 * layer
    assert facts.bytes == 4 * facts.trainable
    assert facts.total == facts.trainable + sum(p.numel() for p in tiny_model().parameters())


def test_only_the_adapter_learns_and_in_float32():
    model = add_adapter(tiny_model().to(torch.bfloat16), spec())
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert all("lora_" in name and p.dtype == torch.float32 for name, p in learning.items())


def test_the_seed_alone_decides_the_first_weights():
    models = []
    for noise, seed in ((1, 7), (2, 7), (1, 8)):
        base = tiny_model()
        torch.manual_seed(noise)
        models.append(add_adapter(base, spec(seed=seed)))
    same, again, other = (torch.cat([p.flatten() for p in m.parameters()]) for m in models)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize(
    ("wanted", "layers"),
    [
        (("q_proj", "v_proj"), {"q_proj", "v_proj"}),
        ("q_proj, v_proj", {"q_proj", "v_proj"}),
        (r".*\.mlp\.(up|down)_proj", {"up_proj", "down_proj"}),
    ],
)
def test_target_modules_are_names_or_an_expression(wanted, layers):
    assert adapted(add_adapter(tiny_model(), spec(target_modules=wanted))) == layers


@pytest.mark.parametrize("wanted", [("q_proj", "query"), "query", r".*\.query", "(q"])
def test_a_target_module_that_is_not_there_is_refused_with_those_that_are(wanted):
    with pytest.raises(
        SpecError, match=r"target_modules must .*que|target_modules must .*\(q"
    ) as e:
        add_adapter(tiny_model(), spec(target_modules=wanted))
    assert "q_proj" in e.value.hint or "all-linear" in e.value.hint


def test_a_saved_adapter_loads_and_merges_to_the_same_model(tmp_path):
    model = tuned()
    batch = batches.plain(rows(4))
    expected = model(**batch).logits
    save_adapter(model, tmp_path)
    loaded = load_adapter(tiny_model(), tmp_path)
    assert torch.equal(loaded(**batch).logits, expected)
    assert torch.allclose(merge(loaded)(**batch).logits, expected, atol=1e-5)


def test_a_saved_adapter_is_two_files_with_sorted_targets(tmp_path):
    save_adapter(tuned(), tmp_path)
    assert files(tmp_path).keys() == {"adapter_config.json", "adapter_model.safetensors"}
    text = files(tmp_path)["adapter_config.json"].decode()
    names = [n for n in text.split('"') if n.endswith("_proj")]
    assert names == sorted(names)


def test_merging_adds_into_the_weights_where_they_lie_and_refuses_what_is_not_finite():
    model = add_adapter(tiny_model(), spec())
    product = model.base_model.model.model.layers[0].self_attn.q_proj
    place = product.base_layer.weight.data_ptr()
    assert merge(model).model.layers[0].self_attn.q_proj.weight.data_ptr() == place

    broken = add_adapter(tiny_model(), spec())
    with torch.no_grad():
        broken.base_model.model.model.layers[1].mlp.up_proj.lora_B["default"].weight[0] = torch.nan
    with pytest.raises(ValueError, match=r"layers\.1\.mlp\.up_proj\.weight must be finite"):
        merge(broken)
