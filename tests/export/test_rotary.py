"""Rotary embeddings computed when a model is loaded: the same angles, none stored."""

import shutil

import numpy as np
import pytest

from labkit.export.graph import Weights, load_graph, rewrite
from labkit.export.quantize import compute_rotary
from labkit.export.quantize.rotary import turns
from labkit.runtime import OnnxModel


@pytest.fixture
def folder(tiny_fp32, tmp_path):
    return shutil.copytree(tiny_fp32, tmp_path / "model")


def tables(folder):
    weights = Weights(folder, load_graph(folder).graph)
    return {name: np.array(weights.read(name)) for name in weights.names if name.endswith("_cache")}


def test_turns_are_found_to_the_last_bit_of_fp32():
    wanted = (1e5 ** -(np.arange(32) / 32)).astype(np.float32)
    angles = np.arange(8192, dtype=np.float32)[:, None] * wanted
    assert (turns(np.cos(angles), np.sin(angles)).astype(np.float32) == wanted).all()


def test_a_model_answers_as_before_without_its_tables(folder, tiny_fp32):
    assert set(tables(folder)) == {"cos_cache", "sin_cache"}
    assert compute_rotary(folder) == 1
    assert tables(folder) == {}
    row = [7, 3, 200, 41, 90, 12, 5, 66, 130, 9] * 3
    before, after = (OnnxModel(each, threads=1) for each in (tiny_fp32, folder))
    np.testing.assert_allclose(after.logits(row)[0], before.logits(row)[0], rtol=0, atol=1e-5)
    assert after.generate(row, 12) == before.generate(row, 12)


def test_tables_that_no_frequency_explains_stay(folder):
    model = load_graph(folder)
    weights, before = Weights(folder, model.graph), tables(folder)
    stored = {name: np.array(weights.read(name)) for name in weights.names}
    with rewrite(model, folder) as writer:
        for name, values in stored.items():
            writer.add(name, values * np.float32(1.1) if name == "cos_cache" else values)
    assert compute_rotary(folder) == 0
    assert set(tables(folder)) == set(before)
