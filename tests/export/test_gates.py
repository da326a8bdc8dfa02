"""When a quantised rung passes; the metric that it is judged by."""

import math

import numpy as np
import pytest

from labkit.errors import ExportError
from labkit.export import Gates, HeldOut
from labkit.export.check import Parity, Reference, compare
from labkit.export.gates import gate_exported, gate_fp32, reasons, sign_test
from labkit.export.metric import metric_of

LABELS = ["yes", "no"]


def held_out(n_rows):
    return HeldOut([[1]] * n_rows, [[2], [3]], LABELS, ["yes"] * n_rows)


def answers(n_rows, *, wrong):
    return ["no" if row in wrong else "yes" for row in range(n_rows)]


def rung(*, kl=0.0, top1=1.0, **more):
    return {"held_out": {"kl": kl, "top1_agreement": top1}, **more}


def with_metric(n_rows, *, lost, won=()):
    before, after = answers(n_rows, wrong=won), answers(n_rows, wrong=lost)
    return rung(metric=metric_of(held_out(n_rows), after, before))


@pytest.mark.parametrize(
    ("name", "n_rows", "n_lost", "said"),
    [
        ("int8", 120, 4, "0.033 to 0.967"),
        ("int8", 20, 4, "0.200 to 0.800"),
        ("int4", 120, 7, "0.058 to 0.942"),
    ],
)
def test_too_many_lost_answers_are_refused_with_both_numbers(name, n_rows, n_lost, said):
    found = reasons(name, with_metric(n_rows, lost=range(n_lost)), Gates())
    assert found == [f"{name} may lose 0.02 of accuracy; it lost {said}, n = {n_rows}."]


@pytest.mark.parametrize(
    ("lost", "won"), [((), ()), ((0, 1), ()), ((0, 1, 2), ()), (range(9), range(20, 25))]
)
def test_losses_within_two_points_or_chance_pass(lost, won):
    assert reasons("int8", with_metric(120, lost=lost, won=won), Gates()) == []


def test_the_sign_test_has_the_values_of_the_binomial_distribution():
    assert sign_test(4, 0) == 1 / 16
    assert sign_test(3, 1) == 5 / 16
    assert sign_test(0, 0) == 1


def test_each_gate_that_is_broken_has_its_sentence():
    assert reasons("int4", rung(kl=0.3512, top1=0.664), Gates()) == [
        "The mean KL of int4 must be at most 0.05 nats per token; got 0.351.",
        "The likeliest token of int4 must stay the same for 0.9 of all; got 0.664.",
    ]
    assert reasons("int4", rung(kl=0.3512, top1=0.664), Gates(max_kl=0.4, min_top1=0.6)) == []


@pytest.mark.parametrize("value", [math.nan, "nan"])
def test_a_divergence_that_is_no_number_is_refused(value):
    assert len(reasons("int8", rung(kl=value), Gates())) == 1


def test_a_model_merged_from_four_bits_is_judged_by_what_the_export_adds():
    near = {"kl": 0.01, "top1_agreement": 0.97}
    assert reasons("int8", rung(kl=0.2, top1=0.8, from_merged=near), Gates()) == []


def test_text_answers_are_judged_by_the_primary_metric_of_their_task():
    texts = [f"the {word} cat sleeps" for word in ["one", "two", "three", "four", "five", "six"]]
    rows = HeldOut([[1]] * 6, references=texts, task="generation")
    same = metric_of(rows, texts, texts)
    assert (same["name"], same["value"], same["n"], same["lost"]) == ("chrf", 100, 6, 0)
    worse = metric_of(rows, ["no"] * 6, texts)
    assert worse["lost"] == pytest.approx(1 - worse["value"] / 100)
    assert worse["p_value"] < 0.05
    assert reasons("int8", rung(metric=worse), Gates())
    assert reasons("int8", rung(metric=metric_of(rows, texts, ["no"] * 6)), Gates()) == []


def test_only_the_first_24_rows_are_answered_with_a_text():
    rows = HeldOut([[row] for row in range(30)], references=list(map(str, range(30))), task="x")
    assert rows.question()["prompts"] == [[row] for row in range(24)]
    assert rows.wanted == list(map(str, range(24)))
    assert HeldOut([[1]]).question() is None


class Constant:
    """A model of three tokens that says the same after each."""

    def __init__(self, *chances):
        self.row = np.log(np.array(chances, np.float32))

    def logits(self, row, /):
        return np.tile(self.row, (len(row), 1)), None

    def generate(self, row, n_tokens, ends=(), /):
        return [int(self.row.argmax())] * n_tokens


def reference(model, rows):
    return Reference(rows, [model.logits(row)[0] for row in rows], [model.generate(rows[0], 4)])


def test_distances_are_those_worked_out_by_hand():
    rows = [[0, 1, 2, 2], [1]]
    found = compare(reference(Constant(0.5, 0.25, 0.25), rows), Constant(0.25, 0.5, 0.25))
    # per token 0.5 ln 2 + 0.25 ln 0.5; of the tokens 1, 2, 2 the first is twice as likely
    assert found.kl == pytest.approx(0.25 * math.log(2), abs=1e-6)
    assert found.perplexity_ratio == pytest.approx(2 ** (-1 / 3), abs=1e-6)
    assert found.max_abs_logit_diff == pytest.approx(math.log(2), abs=1e-6)
    assert (found.top1_agreement, found.n_tokens) == (0, 5)
    assert (found.first_difference, found.n_new_tokens) == (0, 4)


def test_a_row_of_one_token_has_no_perplexity():
    model = Constant(0.5, 0.25, 0.25)
    assert compare(reference(model, [[1]]), model).perplexity_ratio is None


def test_long_rows_are_compared_in_slices_to_the_same_numbers():
    draw = np.random.default_rng(0)
    row = draw.integers(0, 3, 71).tolist()
    wanted, got = draw.normal(size=(2, 71, 3)).astype(np.float32)

    def log_softmax(values):
        values = values.astype(float)
        return values - np.log(np.exp(values).sum(axis=1, keepdims=True))

    p, q = log_softmax(wanted), log_softmax(got)
    model = Constant(1, 1, 1)
    model.logits = lambda row: (got, None)
    found = compare(Reference([row], [wanted], []), model)
    assert found.kl == pytest.approx((np.exp(p) * (p - q)).sum(axis=1).mean())
    losses = [(p - q)[at, token] for at, token in enumerate(row[1:])]
    assert found.perplexity_ratio == pytest.approx(math.exp(np.mean(losses)))
    assert "first_difference" not in found.as_dict()


def test_fp32_must_continue_as_pytorch_does():
    model = Constant(0.5, 0.25, 0.25)
    kept = reference(model, [[0, 1]])
    gate_fp32(compare(kept, model))
    with pytest.raises(ExportError, match="Greedy token 1 of fp32 ONNX is not the one of PyTorch"):
        gate_fp32(compare(Reference(kept.rows, kept.logits, [[1, 1]]), model))


def test_an_fp32_rung_is_held_by_the_runs_rows_and_by_the_text():
    near = parity(largest=1e-4)
    gate_exported({"held_out": near, "text": near})
    gate_exported({"held_out": near})
    with pytest.raises(ExportError, match=r"On the fixed text the largest .* 0\.01; got 0\.5"):
        gate_exported({"held_out": near, "text": parity(largest=0.5)})
    with pytest.raises(ExportError, match=r"On the held-out rows the mean KL .* 1e-06; got 0\.001"):
        gate_exported({"held_out": parity(kl=1e-3), "text": near})


def test_fp32_of_a_model_merged_from_four_bits_is_held_by_the_merged_one():
    near, far = parity(), parity(largest=3.0)
    rung = {"held_out": far, "text": far, "from_merged": near, "text_from_merged": near}
    gate_exported(rung)
    with pytest.raises(ExportError, match="On the fixed text"):
        gate_exported(rung | {"text_from_merged": far})


def parity(*, largest=0.0, kl=0.0):
    return Parity(largest, kl, 1.0, 1.0, 8).as_dict()
