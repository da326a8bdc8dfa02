"""Every method: it learns, leaves its base alone, saves, loads, resumes, counts and merges."""

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, files, rows

from labkit.errors import RunError, SpecError
from labkit.spec import METHODS, FinetuneSpec
from labkit.training import adapter_facts, add_adapter, load_model, load_tuned, merge, train

SETTINGS = {
    "full": {"learning_rate": 5e-3},
    "lora": {},
    "qlora": {},
    "dora": {},
    "rslora": {},
    "adapter": {"r": 8},
    "ia3": {"learning_rate": 0.2},
    "prompt_tuning": {"num_virtual_tokens": 5},
    "prefix_tuning": {"num_virtual_tokens": 5},
}
RANKED = {"r": 4, "lora_alpha": 8, "learning_rate": 5e-3}
CASES = {
    **SETTINGS,
    "prefix_tuning by a network": {
        "method": "prefix_tuning", "num_virtual_tokens": 5, "prefix_projection": True,
    },
    "lora and whole layers": {"method": "lora", "modules_to_save": ("norm", "lm_head")},
    "lora from pissa": {"method": "lora", "init_lora_weights": "pissa"},
    "rslora from olora": {"method": "rslora", "init_lora_weights": "olora"},
    "lora from eva": {"method": "lora", "init_lora_weights": "eva"},
    "lora on the last layer": {"method": "lora", "last_layers": 1},
    "adapter on the last layer": {"method": "adapter", "last_layers": 1},
}  # fmt: skip
"""What is trained here, by what a reader would call it."""


def made(name, **more):
    """Return a spec of a few steps of one case."""
    case = {"method": name} | CASES[name]
    own = RANKED if "lora_alpha" in METHODS[case["method"]].defaults else {}
    quick = {"precision": "fp32", "max_steps": 12}
    return FinetuneSpec(**quick | own | case | more)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a tiny base model."""
    folder = tmp_path_factory.mktemp("base")
    tiny_model().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """Return a function that gives a finished run of each case: result, events, logits at its end."""
    kept = {}

    def once(name):
        if name not in kept:
            model = add_adapter(load_model(base, made(name)), made(name))
            folder = tmp_path_factory.mktemp("run")
            kept[name] = *learn(model, made(name), folder), logits(model)
        return kept[name]

    return once


def learn(model, settings, folder, **options):
    """Train a tiny model; return the result and the events."""
    events, data = Events(), rows(30)
    result = train(
        model, None, data[:22], data[22:], settings, output_dir=folder, emit=events, **options
    )
    return result, events


@torch.no_grad()
def logits(model):
    """Return the logits of a few rows, each by itself."""
    model.eval()
    return torch.cat([model(torch.tensor([row.input_ids])).logits[0, -1:] for row in rows(5)])


@pytest.mark.parametrize("name", CASES)
def test_the_loss_falls(trained, name):
    result, events, _ = trained(name)
    losses = [e["loss"] for e in events.of("step")]
    assert sum(losses[-3:]) < sum(losses[:3]) - 0.02
    assert result.status == "done"


@pytest.mark.parametrize("name", CASES)
def test_what_was_saved_gives_the_same_logits_on_the_untouched_base(trained, base, name):
    result, events, at_end = trained(name)
    assert result.adapter_step == 12
    found = logits(load_tuned(base, result.learned, made(name)))
    atol = 1e-5 if "from" in name else 0
    assert torch.allclose(found, at_end, atol=atol, rtol=0)
    assert not torch.allclose(found, logits(load_model(base, made(name))), atol=1e-3)
