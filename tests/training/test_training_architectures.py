"""Each architecture that a course meets: trained, merged, written and read again."""

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, rows

from labkit.spec import FinetuneSpec
from labkit.training import (
    add_adapter,
    batches,
    load_base,
    load_merged,
    load_model,
    load_tuned,
    train,
)
from labkit.training.methods import head_of

ARCHITECTURES = ("llama", "phi3", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2", "gpt_neox")
SETTINGS = {
    "lora": {"learning_rate": 1e-2},
    "full": {"learning_rate": 5e-3},
    "qlora": {"learning_rate": 1e-2},
    "dora": {"learning_rate": 1e-2},
    "adapter": {"learning_rate": 1e-2, "r": 8},
    "ia3": {"learning_rate": 0.2},
    "prompt_tuning": {"num_virtual_tokens": 4, "learning_rate": 0.2},
    "prefix_tuning": {"num_virtual_tokens": 4, "learning_rate": 0.1},
}


def learned(folder, architecture, method):
    """Train a tiny model; return its settings, its losses before and after, what it says."""
    settings = FinetuneSpec(
        method=method, precision="fp32", max_steps=8, eval_steps=8, **SETTINGS[method]
    )
    tiny_model(architecture).save_pretrained(folder / "base")
    model = add_adapter(load_model(folder / "base", settings), settings)
    before, data = loss(model), rows(30)
    result = train(
        model, None, data[:22], data[22:], settings, output_dir=folder, emit=Events()
    )  # fmt: skip
    return settings, result, (before, loss(model)), logits(model)


@torch.no_grad()
def loss(model):
    """Return the loss of all rows, in nats per target token."""
    batch = batches.pad(rows(30))
    return float(batches.loss_sum(model.eval(), batch, head_of(model)) / len(batch["targets"]))


@torch.no_grad()
def logits(model):
    model.eval()
    return torch.cat([model(torch.tensor([row.input_ids])).logits[0, -1:] for row in rows(5)])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_is_trained_merged_and_read_again(tmp_path, architecture):
    settings, result, (before, after), at_end = learned(tmp_path, architecture, "lora")
    assert after < before - 5e-3
    load_merged(tmp_path / "base", result.learned, settings).save_pretrained(tmp_path / "merged")
    assert torch.allclose(logits(load_base(tmp_path / "merged")), at_end, atol=1e-4)
    assert not torch.allclose(logits(load_base(tmp_path / "base")), at_end, atol=1e-3)


@pytest.mark.process
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("method", [method for method in SETTINGS if method != "lora"])
def test_an_architecture_learns_by_every_method_and_is_read_again(tmp_path, architecture, method):
    settings, result, (before, after), at_end = learned(tmp_path, architecture, method)
    assert after < before - 5e-3
    found = load_tuned(tmp_path / "base", result.learned, settings)
    assert torch.allclose(logits(found), at_end, atol=1e-6)
