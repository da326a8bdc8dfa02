"""An exported model answers as PyTorch does."""

import numpy as np
import pytest

from labkit.errors import DataError, ExportError
from labkit.export import compare_logits
from labkit.export.gates import gate_fp32
from labkit.runtime import OnnxModel, label_scores_onnx

pytestmark = pytest.mark.process


def test_fp32_onnx_has_the_logits_of_pytorch(tiny_torch, tiny_onnx, rows):
    import torch

    with torch.inference_mode():
        wanted = tiny_torch(input_ids=torch.tensor([rows[0]])).logits[0].numpy()
    got, cache = tiny_onnx.logits(np.array(rows[0]))
    assert got.shape == (len(rows[0]), 256)
    assert got.dtype == np.float32
    assert cache.length == len(rows[0])
    np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_reading_in_parts_gives_the_logits_of_reading_at_once(tiny_onnx, rows):
    whole, _ = tiny_onnx.logits(rows[3])
    first, cache = tiny_onnx.logits(rows[3][:5])
    second, cache = tiny_onnx.logits(rows[3][5:11], cache)
    third, _ = tiny_onnx.logits(rows[3][11:], cache)
    np.testing.assert_allclose(np.concatenate([first, second, third]), whole, atol=1e-4)


def test_a_cache_can_be_continued_twice(tiny_onnx, rows):
    _, cache = tiny_onnx.logits(rows[0])
    once, _ = tiny_onnx.logits([5, 6], cache)
    tiny_onnx.logits([200, 100, 50], cache)
    again, _ = tiny_onnx.logits([5, 6], cache)
    np.testing.assert_array_equal(once, again)


def test_rows_side_by_side_answer_like_rows_alone(tiny_onnx, rows):
    _, cache = tiny_onnx.logits(rows[0])
    _, pair = tiny_onnx.logits_of_rows(np.array([[5], [7]]), cache.repeat(2))
    last, _ = tiny_onnx.logits_of_rows(np.array([[6], [8]]), pair)
    np.testing.assert_allclose(last[1], tiny_onnx.logits([7, 8], cache)[0][1:], atol=1e-4)


def test_greedy_tokens_are_those_of_transformers(tiny_torch, tiny_onnx, rows):
    import torch

    wanted = tiny_torch.generate(
        torch.tensor([rows[1]]),
        attention_mask=torch.ones(1, len(rows[1]), dtype=torch.long),
        max_new_tokens=40,
        do_sample=False,
        eos_token_id=None,
    )
    assert tiny_onnx.generate(rows[1], 40) == wanted[0, len(rows[1]) :].tolist()


def test_a_long_prompt_is_read_in_parts_and_answered_as_one_read_at_once(tiny_onnx):
    prompt = np.random.default_rng(1).integers(3, 256, 200).tolist()
    wanted = []
    for _ in range(8):
        logits, _ = tiny_onnx.logits([*prompt, *wanted])
        wanted.append(int(logits[-1].argmax()))
    stream = tiny_onnx.stream(prompt, 8)
    seen = []
    while not stream.is_read:
        stream.read()
        seen.append(stream.is_read)
    assert seen == [False, False, False, True]  # 3 times 64 tokens, then 8
    assert [*stream] == wanted
    assert tiny_onnx.generate(prompt, 8) == wanted


def test_generation_ends_before_the_end_token(tiny_onnx, rows):
    free = tiny_onnx.generate(rows[1], 12)
    stop = free.index(free[6])
    assert tiny_onnx.generate(rows[1], 12, eos_ids=[free[6]]) == free[:stop]


def test_generation_ends_where_the_context_is_full(tiny_onnx):
    assert len(tiny_onnx.generate([7] * 248, 50)) == 8


@pytest.mark.parametrize("labels", [[[5], [6], [7]], [[5, 6], [5, 9], [8], [4, 3, 2, 9], [7, 7]]])
def test_label_scores_are_those_of_whole_sequences_in_pytorch(tiny_torch, tiny_onnx, rows, labels):
    import torch

    def score(prompt, label):
        ids = torch.tensor([prompt + label])
        with torch.inference_mode():
            logp = tiny_torch(input_ids=ids).logits[0].double().log_softmax(-1)
        return sum(float(logp[len(prompt) - 1 + i, token]) for i, token in enumerate(label))

    wanted = [[score(row, label) for label in labels] for row in rows]
    np.testing.assert_allclose(label_scores_onnx(tiny_onnx, rows, labels), wanted, atol=1e-3)


def test_label_scores_hold_when_a_prompt_begins_another(tiny_onnx, rows):
    longer = [*rows[0], 9]
    both = label_scores_onnx(tiny_onnx, [rows[0], longer], [[5], [6]])
    alone = label_scores_onnx(tiny_onnx, [longer], [[5], [6]])
    np.testing.assert_allclose(both[1:], alone, atol=1e-4)


def test_parity_of_a_right_export_passes_the_gate(tiny_torch, tiny_onnx, rows):
    parity = compare_logits(tiny_torch, tiny_onnx, rows)
    gate_fp32(parity)
    assert parity.max_abs_logit_diff < 1e-3
    assert parity.kl < 1e-8
    assert parity.top1_agreement == 1
    assert parity.first_difference is None
    assert parity.n_tokens == sum(map(len, rows))


def test_the_gate_refuses_a_model_whose_weights_were_changed(tiny_torch, tiny_onnx, rows):
    from copy import deepcopy

    import torch

    changed = deepcopy(tiny_torch)
    with torch.no_grad():
        changed.model.layers[1].mlp.down_proj.weight[3, 4] += 0.5
    parity = compare_logits(changed, tiny_onnx, rows)
    with pytest.raises(ExportError, match=r"logit difference of fp32 ONNX must be .* 0\.01; got"):
        gate_fp32(parity)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "one or more; got"),
        ([1.5], "a row of token ids"),
        ([256], "from 0 to 255; got 256"),
        ([-1], "from 0 to 255; got -1"),
        ([3] * 257, "at most 256 tokens; got 257"),
    ],
)
def test_ids_the_model_cannot_read_are_refused(tiny_onnx, ids, message):
    with pytest.raises(DataError, match=message):
        tiny_onnx.logits(np.array(ids))


def test_scoring_without_rows_or_with_an_empty_label_is_refused(tiny_onnx):
    with pytest.raises(DataError, match="got 0 rows and 1 labels"):
        label_scores_onnx(tiny_onnx, [], [[1]])
    with pytest.raises(DataError, match="label 2 is empty"):
        label_scores_onnx(tiny_onnx, [[1]], [[1], []])


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ExportError, match="holds no model"):
        OnnxModel(tmp_path)


def test_a_cut_off_model_is_refused(tiny_fp32, tmp_path):
    import shutil

    shutil.copytree(tiny_fp32, tmp_path / "cut")
    graph = tmp_path / "cut" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:2000])
    with pytest.raises(ExportError, match="cannot open"):
        OnnxModel(tmp_path / "cut")
