"""Which precision is chosen from which numbers."""

import pytest
import torch

from labkit.training import precision


@pytest.mark.parametrize(
    ("fp32", "bf16", "chosen"),
    [(153.0, 1.3, "fp32"), (30.0, 85.0, "bf16"), (100.0, 119.0, "fp32"), (100.0, 120.0, "bf16")],
)
def test_bf16_is_taken_where_it_is_a_fifth_faster(fp32, bf16, chosen):
    found = precision.faster({"fp32": fp32, "bf16": bf16})
    assert found.name == chosen
    assert found.reason.endswith(f"→ {chosen}.")


def test_the_reason_shows_what_was_measured():
    found = precision.faster({"fp32": 153.2, "bf16": 1.31})
    assert found.reason == "fp32: 153 GFLOP/s, bf16: 1.3 GFLOP/s on this processor → fp32."


def test_a_measurement_is_a_speed():
    assert precision.gflops(torch.float32, 64, 128) > 0


def test_what_is_set_is_not_measured():
    assert precision.choose("bf16", hidden=64, intermediate=128).gflops == {}
