"""QLoRA in micro-batches of one row, activations recomputed: the same losses in less memory."""

import pytest
from tiny import tiny_model
from training_tiny import run

from labkit.spec import FinetuneSpec
from labkit.training import load_model

QLORA = {"method": "qlora", "r": 4, "batch_size": 16, "max_steps": 6, "precision": "fp32"}
FRUGAL = {"gradient_accumulation_steps": 16, "gradient_checkpointing": True}


@pytest.fixture
def base(tmp_path):
    folder = tmp_path / "base"
    tiny_model().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("packing", ["packed", "padded"])
def test_sixteen_micro_batches_with_recomputed_activations_lose_nothing(base, tmp_path, packing):
    found = {}
    for name, more in (("plain", {}), ("frugal", FRUGAL)):
        settings = QLORA | more | {"packing": packing}
        model = load_model(base, FinetuneSpec(**settings))
        _, events = run(tmp_path / name, model=model, **settings)
        found[name] = [event["loss"] for event in events.of("step")]
    assert found["frugal"] == pytest.approx(found["plain"], abs=1e-4)
    assert found["plain"][-1] < found["plain"][0]
