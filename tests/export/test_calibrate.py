"""int4 weights found with texts: the grid, GPTQ's arithmetic, trained scales, the ONNX node."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import tiny_model
from torch.nn.functional import kl_div

from labkit.export.calibrate.find import average, put_grids
from labkit.export.calibrate.gptq import gptq
from labkit.export.calibrate.grid import Grid, best_grid, n_bytes, nearest
from labkit.export.calibrate.repair import GridLinear, Part, as_int8, repair
from labkit.export.calibrate.repair import divergence as divergence_of
from labkit.export.calibrate.sensitivity import in_eight_bits, sensitivities, spread
from labkit.export.calibrate.stored import read_grids, write_grids
from labkit.export.calibrate.texts import by_length, continued, lessons, own_texts, padded, prose
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
    assert n_bytes(grid.values.numel(), 4, grid.block_size) == 8 * 64 / 2 + 8 * 2 * 2 + 8 * 2 / 2


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


def read_in_eight_bits(rows, size=32):
    """What a product of ONNX Runtime reads: blocks of values in steps of the largest by 127."""
    found = rows.clone()
    for row in found:
        for start in range(0, len(row), size):
            block = row[start : start + size]
            step = block.abs().max() / 127
            block.copy_((block / step).round() * step)
    return found


def test_inputs_are_read_as_onnx_runtime_reads_them(weight):
    x = torch.randn(5, 80, generator=torch.Generator().manual_seed(2))
    x[0, :32] = 0
    found = as_int8(x, 32)
    assert torch.equal(found[0, :32], torch.zeros(32))
    torch.testing.assert_close(found[1:], read_in_eight_bits(x[1:]))
    exact = nearest(weight, 8, 32)
    ours = GridLinear(exact)(x)
    theirs = torch.from_numpy(by_onnx_runtime(exact, x.numpy(), accuracy_level=4))
    plain = x @ exact.weight().T
    assert (ours - theirs).abs().max() < 0.1 * (plain - theirs).abs().max()


def test_the_gradient_of_a_scale_is_the_one_of_the_formula(weight):
    x = torch.randn(5, 80, generator=torch.Generator().manual_seed(2), requires_grad=True)
    grid = nearest(weight, 4, 32)  # the last block is padded
    layer = GridLinear(grid)
    layer(x).square().sum().backward()
    scales = grid.scales.clone().requires_grad_()
    steps = grid.values.float() - grid.zeros[..., None].float()
    again = read_in_eight_bits(x.detach()).requires_grad_()
    restored = (steps * scales[..., None]).flatten(1)[:, :80]
    (again @ restored.T).square().sum().backward()
    torch.testing.assert_close(layer.scales.grad, scales.grad)
    torch.testing.assert_close(x.grad, again.grad)


@pytest.mark.parametrize(("bits", "block_size"), [(4, 16), (4, 32), (8, 32)])
def test_onnx_runtime_reads_a_grid_as_it_was_meant(weight, bits, block_size):
    grid = nearest(weight, bits, block_size)
    rows = np.random.default_rng(0).normal(size=(3, 80)).astype(np.float32)
    found, wanted = by_onnx_runtime(grid, rows), rows @ grid.weight().numpy().T
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def by_onnx_runtime(grid, rows, **how):
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    parts = (grid.values.numpy(), grid.scales.numpy(), grid.zeros.numpy())
    tensors = [part[0] for part in packed(grid.bits, *parts).tensors]
    node = helper.make_node(
        "MatMulNBits", ["x", "q", "s", "z"], ["y"], domain="com.microsoft",
        K=80, N=24, bits=grid.bits, block_size=grid.block_size, **how,
    )  # fmt: skip
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(rows), size])
        for name, size in (("x", 80), ("y", 24))
    )
    weights = [numpy_helper.from_array(t, n) for t, n in zip(tensors, "qsz", strict=True)]
    graph = helper.make_graph([node], "g", [x], [y], weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": rows})[0]


def small_model():
    return tiny_model(hidden_size=64, intermediate_size=96, initializer_range=0.12).eval()


@pytest.fixture
def model():
    return small_model()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


ROWS = [list(range(3, 15)), list(range(20, 50)), list(range(60, 72))]


@pytest.fixture
def own(model):
    return own_texts(model, 24, seeded(0))


@pytest.fixture
def batches(own):
    return [*by_length(ROWS), *torch.tensor_split(own, 4)]


def divergence(model, other, ids):
    with torch.inference_mode():
        return divergence_of(other, model, ids, torch.ones(ids.shape))


def rounded(model, batches):
    other = small_model()
    assert torch.equal(other.lm_head.weight, model.lm_head.weight)
    grids = round_layers(other, batches, lambda _: (4, 32), lambda done, total: None)
    return other, grids | {"lm_head": nearest(model.lm_head.weight.detach(), 8, 32)}


def test_rows_stand_beside_rows_of_their_length():
    assert [each.tolist() for each in by_length(ROWS)] == [[ROWS[0], ROWS[2]], [ROWS[1]]]


def test_padding_is_masked_and_stands_behind():
    ids, mask = padded([[5, 6, 7], [8]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_what_is_masked_counts_for_nothing(model):
    other, _ = rounded(model, by_length(ROWS))
    ids, mask = padded([ROWS[0], ROWS[1]])
    with torch.inference_mode():
        both = divergence_of(other, model, ids, mask)
    parts = [divergence(model, other, torch.tensor([row])) * len(row) for row in ROWS[:2]]
    torch.testing.assert_close(both, sum(parts) / 42)


def test_the_model_writes_the_same_text_for_a_seed_and_another_for_another(model):
    first, again, other = (own_texts(model, 3, seeded(seed)) for seed in (0, 0, 1))
    assert first.shape == (3, 128)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_prose_is_labkits_own_in_the_models_tokens(tiny_model):
    from transformers import AutoTokenizer

    found, tokenizer = prose(tiny_model), AutoTokenizer.from_pretrained(tiny_model)
    assert {len(text) for text in found} == {128}
    assert len(found) > 50
    text = tokenizer.decode([token for ids in found for token in ids])
    assert "A notary is an official who certifies documents" in text
    assert "keep the calendar in step with the seasons" in text


def test_rows_are_continued_from_beginnings_of_training_rows(model):
    rows = [list(range(start, start + 20)) for start in range(3, 43)]
    found = continued(model, rows, seeded(0))
    assert len(found) == 8 * 40
    assert {len(text) for text in found} == {20}
    cuts = set()
    for text in found:
        same = next((n for n in range(20) if text[n] != text[0] + n), 20)
        assert list(range(text[0], text[0] + same)) == text[:same]
        cuts.add(same)
    assert min(cuts) >= 20 // 3
    assert len(cuts) > 1


def test_the_rates_rise_for_ten_steps_and_fall_to_nothing():
    part = Part(80, 120, 160)
    assert [part.share(step) for step in (0, 4, 80, 120, 160)] == [
        0.1,
        0.5 * 156 / 160,
        0.5,
        0.25,
        0,
    ]


def test_grids_are_read_back_as_they_were_written(model, batches, tmp_path):
    _, grids = rounded(model, batches)
    write_grids(grids, tmp_path / "grids.safetensors")
    again = read_grids(tmp_path / "grids.safetensors")
    assert again.keys() == grids.keys()
    for name, grid in grids.items():
        assert torch.equal(again[name].weight(), grid.weight())
        assert (again[name].exact is None) == (grid.exact is None) == (name == "lm_head")


def test_the_mean_of_parts_has_the_mean_scales_and_the_last_roundings(model, batches, tmp_path):
    _, grids = rounded(model, batches)
    moved = {n: replace(g, scales=3 * g.scales, values=15 - g.values) for n, g in grids.items()}
    files = [tmp_path / "first.safetensors", tmp_path / "last.safetensors"]
    for file, part in zip(files, (grids, moved), strict=True):
        write_grids(part, file)
    average(files, tmp_path / "mean.safetensors")
    found = read_grids(tmp_path / "mean.safetensors")
    for name, grid in grids.items():
        torch.testing.assert_close(found[name].scales, 2 * grid.scales)
        assert torch.equal(found[name].values, 15 - grid.values)


def test_a_repair_reads_what_the_head_will_be(model, batches):
    _, grids = rounded(model, batches)
    tied, apart = tiny_model(hidden_size=64, intermediate_size=96, tie_word_embeddings=True), model
    embedding = apart.model.embed_tokens.weight.clone()
    for each in (tied, apart):
        put_grids(each, grids)
        assert torch.equal(each.lm_head.weight, grids["lm_head"].weight())
    assert tied.model.embed_tokens.weight is tied.lm_head.weight
    assert torch.equal(apart.model.embed_tokens.weight, embedding)


def test_the_unit_that_does_most_damage_for_its_bytes_gets_eight_bits(model):
    sizes = {name: module.weight.numel() for name, module in linears(model).items()}
    unit = "model.layers.1.mlp.down_proj"
    found = {"model.layers.0.mlp.gate_up_proj": 0.5, unit: 0.4}
    more = sizes[unit] / 2 + sizes[unit] / 32 / 2  # of each value, and of each zero point
    assert in_eight_bits(found, linears(model), 32, room=more) == [unit]
    assert in_eight_bits(found, linears(model), 32, room=more - 1) == []


def test_a_unit_whose_output_goes_nowhere_is_not_sensitive(model, batches):
    for name in ("0.self_attn.o_proj", "0.mlp.down_proj", "1.self_attn.o_proj"):
        model.get_submodule(f"model.layers.{name}").weight.data.zero_()
    before = [each.weight.clone() for each in linears(model).values()]
    found = sensitivities(model, batches, 32, lambda done, total: None)
    matter = {unit for unit, value in found.items() if abs(value) > 1e-6}
    assert matter == {"model.layers.1.mlp.gate_up_proj", "model.layers.1.mlp.down_proj"}
    assert all(map(torch.equal, before, [each.weight for each in linears(model).values()]))


def test_sensitivity_is_the_divergence_when_one_unit_alone_has_four_bits(model, batches):
    found = sensitivities(model, batches, 32, lambda done, total: None)
    for unit in ("model.layers.0.mlp.down_proj", "model.layers.1.self_attn.o_proj"):
        other = copy.deepcopy(model)
        module = other.get_submodule(unit)
        module.weight.data.copy_(nearest(module.weight.data, 4, 32).weight())
        apart, n = 0.0, 0
        for ids in (ids[:2] for ids in spread(batches, 6)):
            with torch.no_grad():
                before, after = (each(input_ids=ids).logits for each in (model, other))
            log, base = after.log_softmax(-1), before.log_softmax(-1)
            apart += float(kl_div(log, base, reduction="sum", log_target=True))
            n += ids.numel()
        assert found[unit] == pytest.approx(apart / n, rel=1e-3)


def test_a_model_rounded_layer_by_layer_holds_what_its_grids_say(model, batches):
    other, grids = rounded(model, batches)
    assert set(grids) == {*linears(model), "lm_head"}
    for name, module in linears(other).items():
        assert torch.equal(module.weight, grids[name].weight())


def test_layers_that_see_the_texts_stay_nearer_than_plain_rounding(model, batches):
    other, _ = rounded(model, batches)
    ids = own_texts(model, 8, seeded(7))
    by_gptq = divergence(model, other, ids)
    for name, module in linears(model).items():
        other.get_submodule(name).weight.data.copy_(nearest(module.weight.data, 4, 32).weight())
    assert by_gptq < divergence(model, other, ids)


def on_rows(model, other):
    """Return how far a model is from another on the rows it was trained on."""
    with torch.no_grad():
        return divergence_of(other, model, *padded(ROWS))


ALL = Part(0, 60, 60)


def lesson(own):
    return lessons(ROWS, own.tolist(), seeded(0))


def test_scales_that_are_off_are_trained_back(model, batches, own, monkeypatch):
    monkeypatch.setattr("labkit.export.calibrate.repair.SCALE_RATE", 0.005)
    other, grids = rounded(model, batches)
    put_grids(other, {n: replace(g, scales=1.2 * g.scales) for n, g in grids.items()})
    before, losses = on_rows(model, other), []
    repair(other, model, lesson(own), ALL, lambda step, loss: losses.append(loss))
    assert len(losses) == 60
    assert on_rows(model, other) < 0.5 * before


def test_weights_are_rounded_the_other_way_where_that_helps(model, batches, own, monkeypatch):
    monkeypatch.setattr("labkit.export.calibrate.repair.SCALE_RATE", 0.0)
    monkeypatch.setattr("labkit.export.calibrate.repair.ROUNDING_RATE", 0.004)
    other, grids = rounded(model, batches)
    trained = put_grids(other, grids)
    before = on_rows(model, other)
    repair(other, model, lesson(own), ALL, lambda step, loss: None)
    assert on_rows(model, other) < 0.7 * before
    for name, module in trained.items():
        found = module.result()
        assert torch.equal(found.scales, grids[name].scales)
        moved = (found.values.int() - grids[name].values.int()).abs()
        assert moved.max() == 1
        assert moved.float().mean() < 0.5
