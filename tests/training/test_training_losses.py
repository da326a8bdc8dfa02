"""Losses against their formulas; a loss of one's own, and what is said of one that is none."""

import pytest
import torch
from tiny import tiny_model
from torch import nn
from torch.nn import functional
from training_tiny import Events, rows, spec, tuned

from labkit.data import WeightedTokens
from labkit.errors import SpecError
from labkit.spec import LOSSES
from labkit.training import batches, check, packed, train
from labkit.training.distillation import distilled, taught
from labkit.training.losses import MAKERS, cross_entropy, focal, target_loss, unlikelihood
from labkit.training.methods import head_of
from labkit.training.own_loss import OwnLoss


def drawn(n=12, vocabulary=7):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(n, vocabulary, generator=generator)
    return logits, torch.randint(0, vocabulary, (n,), generator=generator)


def test_smoothed_and_weighted_cross_entropy_are_those_of_torch():
    logits, targets = drawn()
    found = cross_entropy(logits, {"targets": targets}, 0.1) / len(targets)
    assert found == pytest.approx(nn.CrossEntropyLoss(label_smoothing=0.1)(logits, targets).item())
    of_class = torch.rand(7) + 0.1
    batch = {"targets": targets, "weights": of_class[targets]}
    expected = nn.CrossEntropyLoss(weight=of_class)(logits, targets).item()
    assert cross_entropy(logits, batch) / batches.n_items(batch) == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_is_its_formula_and_has_a_gradient_where_the_model_is_sure(gamma):
    logits, targets = drawn()
    p = logits.double().softmax(-1)[range(12), targets]
    expected = -((1 - p) ** gamma * p.log()).sum().item()
    assert focal(logits, {"targets": targets}, gamma).item() == pytest.approx(expected, rel=1e-5)
    sure = torch.tensor([[200.0, 0.0]], requires_grad=True)
    focal(sure, {"targets": torch.tensor([0])}, gamma).backward()
    assert sure.grad.isfinite().all()


def test_unlikelihood_is_its_formula():
    logits, targets = drawn(vocabulary=4)
    numbers = torch.tensor([0] * 5 + [1] * 7)
    p = logits.double().softmax(-1)
    expected = 0.0
    for t, target in enumerate(targets.tolist()):
        earlier = {c for u, c in enumerate(targets.tolist()) if u < t and numbers[u] == numbers[t]}
        expected -= p[t, target].log().item()
        expected -= 0.5 * sum((1 - p[t, c]).log().item() for c in earlier - {target})
    found = unlikelihood(logits, {"targets": targets, "rows": numbers}, 0.5)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_distillation_is_its_formula_also_in_packed_rows(tmp_path):
    logits, targets = drawn()
    given = drawn()[0].flip(0)
    p, q = ((one.double() / 2).softmax(-1) for one in (given, logits))
    apart = 4 * (p * (p / q).log()).sum().item()
    hard = functional.cross_entropy(logits, targets, reduction="sum").item()
    found = distilled(logits, {"targets": targets}, given, temperature=2, weight=0.7)
    assert found.item() == pytest.approx(0.7 * apart + 0.3 * hard, rel=1e-5)

    some, asked = rows(5), spec(loss="distillation", teacher="t", teacher_weight=1.0)
    lesson = taught(tuned(), tiny_model(seed=5), asked)
    values = []
    for batch, name in ((batches.pack(some), packed.NAME), (batches.pad(some), "sdpa")):
        model = tuned()
        with check.attention(model, name):
            values.append(lesson(model, batch, head_of(model)).item())
    assert values[0] == pytest.approx(values[1], rel=1e-4)
    model, same = tuned(), taught(tuned(), tuned(), asked)
    assert same(model, batches.pad(some), head_of(model)).item() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("loss", MAKERS)
def test_every_loss_is_the_same_on_packed_and_padded_rows(loss):
    assert {*MAKERS, "distillation", "dpo", "contrastive"} == {*LOSSES}
    model, some = tuned(), [WeightedTokens(r.input_ids, r.n_prompt, 1 + i) for i, r in
                            enumerate(rows(5))]  # fmt: skip
    values = []
    for batch, name in ((batches.pack(some), packed.NAME), (batches.pad(some), "sdpa")):
        with check.attention(model, name):
            of = target_loss(spec(loss=loss))
            value = batches.loss_sum(model, batch, head_of(model), of)
        learning = [p for p in model.parameters() if p.requires_grad]
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(value, learning)])
        values.append((value.item(), gradient))
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-5)
    assert (values[0][1] - values[1][1]).norm() <= 1e-4 * values[1][1].norm()


def losses_of(folder, data, own=None, **settings):
    events = Events()
    asked = spec(max_steps=4, batch_size=4, **settings)
    train(tiny_model(), None, data, data[:4], asked, output_dir=folder, emit=events, own_loss=own)
    return [e.get("loss", e.get("eval_loss")) for e in events if e["kind"] in ("step", "eval")]


def mine(model_output, batch):
    """Cross-entropy as a user of Transformers writes it."""
    logits, labels = model_output.logits[:, :-1], batch["labels"][:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def test_a_loss_of_ones_own_learns_as_the_same_loss_by_name_also_in_micro_batches(tmp_path):
    data = rows(12)
    own = losses_of(tmp_path / "a", data, OwnLoss("mine", mine), gradient_accumulation_steps=2)
    assert own == pytest.approx(losses_of(tmp_path / "b", data), abs=1e-5)


def test_weights_count_the_same_in_micro_batches(tmp_path):
    data = [WeightedTokens(r.input_ids, r.n_prompt, 1 + i % 3) for i, r in enumerate(rows(12))]
    whole = losses_of(tmp_path / "a", data, loss="focal")
    parts = losses_of(tmp_path / "b", data, loss="focal", gradient_accumulation_steps=2)
    assert parts == pytest.approx(whole, abs=1e-5)


WRONG = {
    "not a finite number": lambda output, batch: output.logits.mean() * float("nan"),
    "shape (3,), not one number": lambda output, batch: output.logits.mean((1, 2))[:3],
    "not a tensor": lambda output, batch: output.logits.mean().item(),
    "without a gradient": lambda output, batch: output.logits.detach().mean(),
    "does not depend on the weights": lambda output, batch: torch.ones((), requires_grad=True),
    "raised KeyError: 'label' (given input_ids (3, ": lambda output, batch: batch["label"],
    "gradient that is not a finite number": lambda o, b: (o.logits - o.logits).sum().sqrt(),
    "changed the shapes": lambda o, batch: (batch["input_ids"].resize_(1), o.logits.sum())[1],
}  # fmt: skip


@pytest.mark.parametrize("said", WRONG)
def test_what_is_no_loss_is_named_before_the_first_step(said):
    model = tuned().train()
    with pytest.raises(SpecError, match="The loss odd ") as found:
        OwnLoss("odd", WRONG[said]).check(model, rows(3), 0)
    assert said in found.value.problem
    assert all(p.grad is None for p in model.parameters())
