"""PyTorch and ONNX are asked the same and answer the same; runs in 4 bits are merged apart."""

import numpy as np
import pytest
from runs import tuned

from labkit.export import HeldOut, steps, text_rows
from labkit.export.answering import ask_onnx, ask_torch
from labkit.export.check import compare_logits
from labkit.export.torch_model import TorchModel, side_by_side
from labkit.export.tuned import load_plain

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]


def test_labels_are_told_by_their_likelihood(tiny_torch, tiny_onnx, rows):
    question = HeldOut(rows, [[5], [6, 7], [8]], ["a", "b", "c"], ["a"] * 4).question()
    logits = tiny_torch(input_ids=_ids([rows[0]])).logits[0, -1].log_softmax(-1).detach()
    after = tiny_torch(input_ids=_ids([[*rows[0], 6]])).logits[0, -1].log_softmax(-1).detach()
    scores = [float(logits[5]), float(logits[6] + after[7]), float(logits[8])]
    answers = ask_onnx(tiny_onnx, question)
    assert answers[0] == "abc"[int(np.argmax(scores))]
    assert answers == ask_torch(tiny_torch, question, None)


def test_texts_end_at_an_end_token(tiny_torch, tiny_onnx, rows):
    asked = {"references": ["x"] * 4, "task": "generation", "max_new_tokens": 6}
    free = ask_onnx(tiny_onnx, HeldOut(rows, **asked).question())
    assert [len(answer) for answer in free] == [6] * 4
    assert ask_torch(tiny_torch, HeldOut(rows, **asked).question(), None) == free
    end = free[0][3]
    question = HeldOut(rows, ends=[end], **asked).question()
    ended = [answer[: answer.index(end)] if end in answer else answer for answer in free]
    assert ask_onnx(tiny_onnx, question) == ended == ask_torch(tiny_torch, question, None)


def test_reading_a_continuation_finds_the_token_that_differs(tiny_torch, rows):
    model = TorchModel(tiny_torch)
    wanted = model.generate(rows[0], 12)
    assert model.following(rows[0], wanted) == wanted
    other = [*wanted[:5], (wanted[5] + 1) % 256, *wanted[6:]]
    assert model.following(rows[0], other)[:6] == wanted[:6]


def test_rows_read_side_by_side_are_answered_as_those_read_alone(tiny_torch, rows):
    model = TorchModel(tiny_torch)
    many = [*rows, (rows[3] * 20)[:200], [7]]
    for row, found in zip(many, model.logits_of(many), strict=True):
        np.testing.assert_allclose(found, model.logits(row)[0], atol=1e-4)


def test_as_many_rows_are_read_side_by_side_as_256_tokens_hold():
    rows = [[1] * n for n in (100, 128, 20, 300, 5)]
    assert [list(map(len, some)) for some in side_by_side(rows)] == [[100, 128], [20], [300], [5]]


def test_the_text_is_cut_into_rows(tiny_folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    found = text_rows(tokenizer)
    assert max(map(len, found)) == len(found[0]) == 128
    text = tokenizer.decode([token for row in found for token in row])
    assert text.startswith("The ferry left the harbour at twenty past six")
    assert text.rstrip().endswith("than it could ever save.")


def test_a_run_in_four_bits_is_told_apart_from_its_merged_model(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path / "run", "qlora", r=4)
    kept, own = tmp_path / "answers", tmp_path / "own"
    both = {"held_out": rows, "text": [rows[3]]}
    found = steps.reference(run.as_json(), both, None, str(kept), None)
    assert found["base"]["held_out"]["kl"] > 0.01  # the base in 4 bits, without its adapter
    merged = steps.merge_apart(
        run.unquantised.as_json(), both, str(kept), str(own), str(tmp_path / "merged")
    )
    model = load_plain(tmp_path / "merged")
    told = compare_logits(run.load(), TorchModel(model), rows)
    assert merged["held_out"]["kl"] == pytest.approx(told.kl, rel=1e-3)
    (again,) = steps.torch_parity(str(tmp_path / "merged"), [str(own / "held_out")], False)
    assert again["max_abs_logit_diff"] < 1e-4


def _ids(rows):
    import torch

    return torch.tensor(rows)
