"""int4 weights found with texts: the grid, GPTQ's arithmetic, trained scales, the ONNX node."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import tiny_model

from labkit.export.calibrate.gptq import gptq
from labkit.export.calibrate.grid import Grid, best_grid, nearest
from labkit.export.calibrate.repair import GridLinear, repair
from labkit.export.calibrate.texts import calibration
from labkit.export.calibrate.walk import linears, round_layers
from labkit.export.quantize.packed import packed


@pytest.fixture
def weight():
    return torch.randn(24, 80, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def inputs():
    """Inputs that depend on each other: twelve directions and a little noise."""
    generator = torch.Generator().manual_seed(1)
    mixed = torch.randn(400, 12, generator=generator) @ torch.randn(12, 80, generator=generator)
    return mixed + 0.1 * torch.randn(400, 80, generator=generator)


def test_a_weight_on_the_grid_is_kept_as_it_is():
    values = torch.tensor([[[0, 15, 7, 3], [15, 0, 1, 8]]], dtype=torch.uint8)
    exact = Grid(4, values, torch.tensor([[0.5, 2.0]]), torch.tensor([[7, 8]]), 8)
    found = nearest(exact.weight(), bits=4, block_size=4)
    assert found.weight().tolist() == [[-3.5, 4.0, 0.0, -2.0, 14.0, -16.0, -14.0, 0.0]]


def test_the_bytes_of_a_grid_are_values_scales_and_zero_points():
    grid = nearest(torch.randn(8, 64), bits=4, block_size=32)
    assert grid.n_bytes() == 8 * 64 / 2 + 8 * 2 * 4 + 8 * 2 / 2


def test_the_best_grid_is_no_worse_than_the_whole_range(weight):
    blocks = weight.view(24, -1, 16)
    low, high = blocks.amin(-1, keepdim=True), blocks.amax(-1, keepdim=True)
    scale = (high - low) / 15
    zero = (-low / scale).round()
    plain = ((blocks / scale + zero).round().clamp(0, 15) - zero) * scale
    scales, zeros = best_grid(blocks, 4)
    best = ((blocks / scales + zeros).round().clamp(0, 15) - zeros) * scales
    assert (best - blocks).square().sum() < (plain - blocks).square().sum()


def test_inputs_that_are_independent_leave_nothing_to_make_good(weight):
    found = gptq(weight, torch.eye(80), 4, 16)
    assert torch.equal(found.weight(), nearest(weight, 4, 16).weight())


@pytest.mark.parametrize("block_size", [16, 32])
def test_gptq_changes_the_products_less_than_rounding_does(weight, inputs, block_size):
    found = gptq(weight, inputs.T @ inputs, 4, block_size).weight()
    plain = nearest(weight, 4, block_size).weight()
    wanted = inputs @ weight.T
    errors = [(inputs @ each.T - wanted).square().mean() for each in (found, plain)]
    assert errors[0] < 0.5 * errors[1]


def test_the_gradient_of_a_scale_is_the_one_of_the_formula(weight):
    x = torch.randn(5, 80, generator=torch.Generator().manual_seed(2), requires_grad=True)
    grid = nearest(weight, 4, 32)  # the last block is padded
    layer = GridLinear(grid)
    layer(x).square().sum().backward()
    scales = grid.scales.clone().requires_grad_()
    steps = grid.values.float() - grid.zeros[..., None].float()
    again = x.detach().clone().requires_grad_()
    restored = (steps * scales[..., None]).flatten(1)[:, :80]
    (again @ restored.T).square().sum().backward()
    torch.testing.assert_close(layer.scales.grad, scales.grad)
    torch.testing.assert_close(x.grad, again.grad)


@pytest.mark.parametrize(("bits", "block_size"), [(4, 16), (4, 32), (8, 32)])
def test_onnx_runtime_reads_a_grid_as_it_was_meant(weight, bits, block_size):
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    grid = nearest(weight, bits, block_size)
    parts = (grid.values.numpy(), grid.scales.numpy(), grid.zeros.numpy())
    tensors = [part[0] for part in packed(bits, *parts).tensors]
    node = helper.make_node(
        "MatMulNBits", ["x", "q", "s", "z"], ["y"], domain="com.microsoft",
        K=80, N=24, bits=bits, block_size=block_size,
    )  # fmt: skip
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, size])
        for name, size in (("x", 80), ("y", 24))
    )
    weights = [numpy_helper.from_array(t, n) for t, n in zip(tensors, "qsz", strict=True)]
    graph = helper.make_graph([node], "g", [x], [y], weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    rows = np.random.default_rng(0).normal(size=(3, 80)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    np.testing.assert_allclose(
        session.run(None, {"x": rows})[0], rows @ grid.weight().numpy().T, rtol=1e-4, atol=1e-4
    )


def small_model():
    return tiny_model(hidden_size=64, intermediate_size=96, initializer_range=0.12).eval()


@pytest.fixture
def model():
    return small_model()


@pytest.fixture
def batches(model):
    rows = [list(range(3, 15)), list(range(20, 50)), list(range(60, 72))]
    return calibration(model, rows, seed=0)


def divergence(model, other, ids):
    with torch.inference_mode():
        before, after = (each(input_ids=ids).logits.log_softmax(-1) for each in (model, other))
    return (before.exp() * (before - after)).sum(-1).mean()


def rounded(model, batches):
    other = small_model()
    assert torch.equal(other.lm_head.weight, model.lm_head.weight)
    return other, round_layers(other, batches, lambda _: (4, 32), lambda done, total: None)


def test_texts_are_training_rows_by_length_and_what_the_model_writes(batches):
    assert sorted(tuple(each.shape) for each in batches) == [(1, 30), (2, 12), *4 * [(8, 128)]]
    assert sum(int((each == 20).any()) for each in batches) >= 1


def test_a_model_rounded_layer_by_layer_holds_what_its_grids_say(model, batches):
    other, grids = rounded(model, batches)
    assert set(grids) == set(linears(model))
    for name, module in linears(other).items():
        assert torch.equal(module.weight, grids[name].weight())


def test_layers_that_see_the_texts_stay_nearer_than_plain_rounding(model, batches):
    other, _ = rounded(model, batches)
    ids = calibration(model, [[5, 6]], seed=7)[-1]
    by_gptq = divergence(model, other, ids)
    for name, module in linears(model).items():
        other.get_submodule(name).weight.data.copy_(nearest(module.weight.data, 4, 32).weight())
    assert by_gptq < divergence(model, other, ids)


def test_scales_that_are_off_are_trained_back(model, batches):
    other, grids = rounded(model, batches)
    for name, grid in grids.items():
        room, _, last = name.rpartition(".")
        wrong = replace(grid, scales=1.15 * grid.scales)
        setattr(other.get_submodule(room), last, GridLinear(wrong))
    ids = calibration(model, [[5, 6]], seed=7)[-1]
    before, losses = divergence(model, other, ids), []
    repair(other, model, batches, n_steps=80, seed=0, done=lambda step, loss: losses.append(loss))
    assert len(losses) == 80
    after = divergence(model, other, ids)
    assert after < 0.7 * before, (after, before)
