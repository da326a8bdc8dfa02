"""Scales of blocks in float16: half the bytes on disk, the same products once loaded."""

import shutil

import numpy as np
import pytest

from labkit.export.graph import Weights, load_graph, rewrite
from labkit.export.quantize import halve_scales, quantize_onnx, tie_int8_embedding
from labkit.export.quantize.scales import in_half
from labkit.runtime import OnnxModel
from labkit.runtime.session import Settings

ROW = [7, 3, 200, 41, 90, 12, 5, 66, 130, 9] * 3


@pytest.fixture(scope="module", params=["int8", "int4"])
def quantized(request, tiny_fp32, tmp_path_factory):
    """A tied model in 8 or in 4 bits, its scales in float32."""
    out = tmp_path_factory.mktemp("scales") / request.param
    quantize_onnx(tiny_fp32, out, request.param)
    assert tie_int8_embedding(out) is None
    return out


@pytest.fixture
def folder(quantized, tmp_path):
    return shutil.copytree(quantized, tmp_path / "model")


def stored(folder):
    weights = Weights(folder, load_graph(folder).graph)
    return {name: np.array(weights.read(name)) for name in weights.names}


def n_bytes(folder):
    return sum(values.nbytes for values in stored(folder).values())


def logits(folder, level="all"):
    settings = Settings(intra_op_num_threads=1, graph_optimization_level=level)
    return OnnxModel(folder, settings=settings).logits(ROW)[0]


def test_scales_take_half_and_the_rest_is_as_it_was(folder, quantized):
    before = stored(quantized)
    scales = {name: values for name, values in before.items() if name.endswith("_scales")}
    assert halve_scales(folder) == len(scales) > 0
    after = stored(folder)
    assert n_bytes(quantized) - n_bytes(folder) == sum(s.nbytes for s in scales.values()) / 2
    for name, values in before.items():
        if name in scales:
            assert after[f"{name}_f16"].dtype == np.float16
            np.testing.assert_allclose(after[f"{name}_f16"], values, rtol=2**-11)
        else:
            np.testing.assert_array_equal(after[name], values)


def test_the_model_answers_as_with_the_same_scales_in_float32(folder, quantized, tmp_path):
    rounded = shutil.copytree(quantized, tmp_path / "rounded")
    model, tensors = load_graph(rounded), stored(rounded)
    with rewrite(model, rounded) as writer:
        for name, values in tensors.items():
            is_scale = name.endswith("_scales")
            writer.add(name, values.astype(np.float16).astype(np.float32) if is_scale else values)
    halve_scales(folder)
    np.testing.assert_array_equal(logits(folder), logits(rounded))
    off = np.abs(logits(folder) - logits(quantized)).mean()
    assert 0 < off < 0.05 * logits(quantized).std()


@pytest.mark.parametrize("level", ["basic", "extended"])
def test_the_answers_do_not_depend_on_how_far_the_graph_is_optimised(folder, level):
    halve_scales(folder)
    np.testing.assert_allclose(logits(folder, level), logits(folder), rtol=0, atol=1e-4)


def test_halving_again_changes_nothing(folder):
    halve_scales(folder)
    before = (folder / "model.onnx").read_bytes()
    assert halve_scales(folder) == 0
    assert (folder / "model.onnx").read_bytes() == before


@pytest.mark.parametrize(
    ("scales", "fits"),
    [([0.5, -0.25, 0.0], True), ([0.1, 6e-5], True), ([1e-7], False), ([1e5], False)],
)
def test_scales_that_float16_cannot_hold_stay(scales, fits):
    half = in_half(np.array(scales, np.float32))
    assert (half is not None) == fits
