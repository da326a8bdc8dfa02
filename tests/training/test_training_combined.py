"""Adapters combined by PEFT, held by the same computed with numpy from the files."""

import json
from functools import reduce

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tiny import tiny_model

from labkit.export.adapters import distance, read_lora
from labkit.spec import CombineSettings, FinetuneSpec
from labkit.training import add_adapter, combine, load_tuned
from labkit.training.methods import save_adapter

QV = ("q_proj", "v_proj")
SPECS = {
    "a": {"r": 4, "lora_alpha": 8},
    "b": {"r": 4, "lora_alpha": 4, "target_modules": QV},
    "wide": {"r": 6, "lora_alpha": 6, "method": "rslora"},
}
SCALES = {"a": 2.0, "b": 1.0, "wide": 6 / np.sqrt(6)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny base, and adapters on it that do something."""
    root = tmp_path_factory.mktemp("combined")
    tiny_model().save_pretrained(root / "base")
    for at, (name, settings) in enumerate(SPECS.items()):
        model = add_adapter(tiny_model(), FinetuneSpec(**settings, seed=at))
        generator = torch.Generator().manual_seed(at)
        for key, weight in model.named_parameters():
            if "lora_B" in key:
                weight.data.normal_(0, 0.1, generator=generator)
        save_adapter(model, root / name)
    return root


def combined(folder, names, weights, out, **settings):
    """Return the tensors of a combination as a file holds them, and its folder."""
    made = out / "-".join([settings["combine"], *names, str(settings.get("drop_seed", ""))])
    spec = CombineSettings(adapters=tuple(names), weights=tuple(weights), **settings)
    combine(tiny_model(), [folder / name for name in names], spec, made)
    return load_file(made / "adapter_model.safetensors"), made


def sides(folder, name):
    return load_file(folder / name / "adapter_model.safetensors")


def products(state, scale=1.0):
    """Return each module's change of weights, `(outputs, inputs)`."""
    return {
        key.split(".lora_A")[0]: scale * state[key.replace("lora_A", "lora_B")] @ state[key]
        for key in state
        if "lora_A" in key
    }


def summed(folder, names, weights):
    """Return the weighted sum of the changes of weights."""
    parts = [
        (weight, products(sides(folder, name), SCALES[name]))
        for name, weight in zip(names, weights, strict=True)
    ]
    modules = {module for _, part in parts for module in part}
    return {
        module: reduce(np.add, [weight * part[module] for weight, part in parts if module in part])
        for module in modules
    }


def test_cat_is_the_weighted_sum_whatever_ranks_layers_and_scales(folder, tmp_path):
    names, weights = ("a", "b", "wide"), (0.7, -0.5, 0.3)
    state, made = combined(folder, names, weights, tmp_path, combine="cat")
    wanted, found = summed(folder, names, weights), products(state)
    assert found.keys() == wanted.keys()
    for module, change in wanted.items():
        np.testing.assert_allclose(found[module], change, atol=1e-6)
    config = json.loads((made / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (14, 14, False)


def test_linear_adds_each_side_by_the_square_root_of_what_counts(folder, tmp_path):
    state, _ = combined(folder, ("a", "b"), (0.7, 0.3), tmp_path, combine="linear")
    a, b = sides(folder, "a"), sides(folder, "b")
    for key, found in state.items():
        wanted = np.sqrt(0.7 * 2.0) * a[key]
        wanted = wanted + np.sqrt(0.3 * 1.0) * b[key] if key in b else wanted
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def kept(values, density):
    """Return values, those but the largest share in 0."""
    smallest = np.sort(np.abs(values).ravel())[::-1][int(density * values.size) - 1]
    return np.where(np.abs(values) >= smallest, values, 0)


def test_ties_trims_elects_a_sign_and_averages_those_that_agree(folder, tmp_path):
    state, _ = combined(folder, ("a", "b"), (0.7, 0.3), tmp_path, combine="ties", density=0.25)
    a, b = sides(folder, "a"), sides(folder, "b")
    for key in (key for key in state if key in b):
        trimmed = np.stack([kept(a[key], 0.25), kept(b[key], 0.25)])
        elected = np.where(trimmed.sum(0) >= 0, 1, -1)
        agrees = np.sign(trimmed) == elected
        counts = np.sqrt([0.7 * 2.0, 0.3 * 1.0])[:, None, None]
        wanted = (counts * trimmed * agrees).sum(0) / np.maximum(agrees.sum(0), 1)
        np.testing.assert_allclose(state[key], wanted, atol=1e-6)


def test_dare_drops_values_by_its_seed_and_scales_the_rest(folder, tmp_path):
    asked = {"combine": "dare_linear", "density": 0.5}
    first, _ = combined(folder, ("a", "b"), (0.7, 0.3), tmp_path / "1", **asked)
    again, _ = combined(folder, ("a", "b"), (0.7, 0.3), tmp_path / "2", **asked)
    other, _ = combined(folder, ("a", "b"), (0.7, 0.3), tmp_path, **asked, drop_seed=1)
    a, b = sides(folder, "a"), sides(folder, "b")
    for key in (key for key in first if key in b):
        parts = np.sqrt(1.4) * a[key] / 0.5, np.sqrt(0.3) * b[key] / 0.5
        allowed = np.stack([0 * parts[0], parts[0], parts[1], parts[0] + parts[1]])
        assert np.abs(allowed - first[key]).min(0).max() < 1e-6
        assert (again[key] == first[key]).all()
    assert any((other[key] != first[key]).any() for key in first)


def test_the_distance_is_that_of_the_multiplied_out_changes(folder, tmp_path):
    names, weights = ("a", "b"), (0.7, 0.3)
    state, made = combined(folder, names, weights, tmp_path, combine="linear")
    wanted, found = summed(folder, names, weights), products(state)
    off = sum(((found[module] - wanted[module]) ** 2).sum() for module in wanted)
    expected = np.sqrt(off / sum((change**2).sum() for change in wanted.values()))
    parts = [read_lora(folder / name) for name in names]
    assert distance(read_lora(made), parts, weights) == pytest.approx(expected, rel=1e-5)
    assert expected > 0.1
    _, exact = combined(folder, names, weights, tmp_path, combine="cat")
    assert distance(read_lora(exact), parts, weights) < 1e-6


def test_svd_of_full_rank_is_the_sum_and_the_model_answers_with_it(folder, tmp_path):
    names, weights = ("a", "b"), (0.7, 0.3)
    _, svd = combined(folder, names, weights, tmp_path, combine="svd", svd_rank=8)
    _, cat = combined(folder, names, weights, tmp_path, combine="cat")
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        answers = [
            load_tuned(folder / "base", made, FinetuneSpec())(input_ids=ids).logits
            for made in (svd, cat)
        ]
        base = tiny_model().eval()(input_ids=ids).logits
    torch.testing.assert_close(*answers, atol=1e-4, rtol=0)
    assert (answers[0] - base).abs().max() > 0.01
