"""Trainings on one base in memory end as those on a base from disk, whatever came before them."""

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, files, rows

from labkit.spec import FinetuneSpec
from labkit.training import SharedBase, add_adapter, load_model, train

QUICK = {"max_steps": 4, "eval_steps": 2, "precision": "fp32", "n_samples": 0}
LENT = {
    "lora": {"r": 4},
    "dora": {"method": "dora", "r": 4},
    "qlora": {"method": "qlora", "r": 4},
    "ia3": {"method": "ia3"},
    "adapter": {"method": "adapter", "r": 4},
    "prompt": {"method": "prompt_tuning", "num_virtual_tokens": 4},
    "prefix": {"method": "prefix_tuning", "num_virtual_tokens": 4},
    "accumulated": {"r": 8, "batch_size": 8, "gradient_accumulation_steps": 2},
    "dropout": {"r": 4, "lora_dropout": 0.1},
}
CHANGING = {
    "full": {"method": "full"},
    "pissa": {"r": 4, "init_lora_weights": "pissa"},
    "checkpointing": {"r": 4, "gradient_checkpointing": True},
    "norms": {"r": 4, "modules_to_save": ("norm",)},
    "last": {"r": 4, "last_layers": 1},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tiny_model().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def alone(base, tmp_path_factory):
    """A function that returns the saved bytes of a training on a base of its own."""
    kept = {}

    def once(name):
        if name not in kept:
            spec = made(name)
            model = add_adapter(load_model(base, spec), spec)
            kept[name] = learned(model, spec, tmp_path_factory.mktemp("alone"))
        return kept[name]

    return once


def made(name):
    return FinetuneSpec(**QUICK | (LENT | CHANGING)[name])


def learned(model, spec, folder):
    data = rows(30)
    result = train(model, None, data[:22], data[22:], spec, output_dir=folder, emit=Events())
    return files(result.learned)


def test_each_method_learns_the_same_bytes_on_a_base_that_others_used(base, alone, tmp_path):
    shared = SharedBase()
    for at, name in enumerate([*LENT, *LENT]):
        found = learned(shared.ready(base, made(name)), made(name), tmp_path / str(at))
        assert found == alone(name), name
    assert shared.n_loads == 5  # whole, in 4 bits, whole, in 4 bits, whole


@pytest.mark.parametrize("name", CHANGING)
def test_after_a_training_that_changes_the_base_it_is_read_anew(base, alone, tmp_path, name):
    shared = SharedBase()
    learned(shared.ready(base, made(name)), made(name), tmp_path / "first")
    assert learned(shared.ready(base, made("lora")), made("lora"), tmp_path / "then") == alone(
        "lora"
    )
    assert shared.n_loads == 2


def test_a_base_that_somebody_changed_is_not_used_again(base, alone, tmp_path):
    shared = SharedBase()
    tuned = shared.ready(base, made("lora"))
    with torch.no_grad():
        next(p for p in tuned.parameters() if not p.requires_grad).add_(1)
    assert learned(shared.ready(base, made("lora")), made("lora"), tmp_path) == alone("lora")
    assert shared.n_loads == 2
