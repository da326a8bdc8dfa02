"""DPO against its formula, on packed and padded rows; training makes the chosen one win more."""

import json
import math

import pytest
import torch
from test_jobs import done
from tiny import tiny_model
from training_tiny import Events, rows, spec, tuned

from labkit.data import Example, PairTokens, Tokens, tokenize
from labkit.data.row_tokenizer import RowTokenizer
from labkit.errors import DataError, SpecError
from labkit.jobs.finetune import finetune
from labkit.report.page import page
from labkit.spec import FinetuneSpec
from labkit.training import batches, check, packed, train
from labkit.training.methods import head_of
from labkit.training.pairs import Paired
from labkit.training.preference import dpo, pair_likelihoods, preferring


def pairs(n=6, seed=1):
    """Return pairs that share a prompt; the answers end with other tokens."""
    made = []
    for at, row in enumerate(rows(n, seed=seed)):
        prompt = row.input_ids[: row.n_prompt]
        other = [*prompt, *range(20 + at, 22 + at + at % 3), 2]
        made.append(PairTokens(row.input_ids, row.n_prompt, Tokens(other, row.n_prompt)))
    return made


def log_p(model, row):
    """Return the log-likelihood of a row's completion, one row at a time, from all logits."""
    of = model(input_ids=torch.tensor([row.input_ids])).logits[0].double().log_softmax(-1)
    return sum(of[t - 1, row.input_ids[t]] for t in range(row.n_prompt, len(row.input_ids)))


def gradient(of, model):
    """Return the gradient of a number with respect to all that a model learns, `(n,)` float64."""
    learning = [p for p in model.parameters() if p.requires_grad]
    return torch.cat([g.flatten() for g in torch.autograd.grad(of, learning)]).double()


def by_hand(some, beta):
    """Return the loss of pairs and its gradient in float64, by equations 7 and 8 of the paper."""
    base, model = tiny_model().double(), tuned().double()
    loss, slope = 0.0, 0.0
    for pair in some:
        ours = [log_p(model, row) for row in (pair, pair.other)]
        with torch.no_grad():
            gains = [one.item() - log_p(base, row).item()
                     for one, row in zip(ours, (pair, pair.other), strict=True)]  # fmt: skip
        margin = beta * (gains[0] - gains[1])
        loss += math.log(1 + math.exp(-margin))
        slope -= beta / (1 + math.exp(margin)) * gradient(ours[0] - ours[1], model)
    return loss, slope


def test_dpo_is_its_formula_on_numbers():
    ours, reference = torch.tensor([-1.0, -3.0, -2.0, -2.5]), torch.tensor([-2.0, -2.0, -2.0, -4.0])
    margins = [0.5 * ((-1 + 2) - (-3 + 2)), 0.5 * ((-2 + 2) - (-2.5 + 4))]
    expected = sum(math.log(1 + math.exp(-margin)) for margin in margins)
    assert dpo(ours, reference, 0.5).item() == pytest.approx(expected)


def test_loss_and_gradient_are_the_papers_on_packed_and_on_padded_rows():
    some, asked = pairs(), spec(loss="dpo", beta=0.5)
    expected, slope = by_hand(some, 0.5)
    for collate, name in ((batches.pack, packed.NAME), (batches.pad, "sdpa")):
        model = tuned()
        batch = Paired(collate)(some)
        assert batches.n_items(batch) == len(some)
        with check.attention(model, name):
            loss = preferring(model, asked)(model, batch, head_of(model))
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        assert (gradient(loss, model) - slope).norm() <= 1e-4 * slope.norm()


def test_likelihoods_of_pairs_are_those_of_each_row_alone():
    some, model = pairs(), tuned()
    expected = [log_p(model, row).item() for pair in some for row in (pair, pair.other)]
    assert pair_likelihoods(model, some, 0).tolist() == pytest.approx(expected, rel=1e-4)


def learned(folder, **settings):
    events, some = Events(), pairs(12)
    quick = {"max_steps": 8, "batch_size": 4, "warmup_ratio": 0.0, "learning_rate": 2e-2}
    asked = spec(loss="dpo", beta=1.0, **quick, **settings)
    train(tiny_model(), None, some, some[:4], asked, output_dir=folder, emit=events)
    return [e.get("loss", e.get("eval_loss")) for e in events if e["kind"] in ("step", "eval")]


def test_training_begins_at_log_2_makes_the_loss_smaller_and_is_the_same_in_parts(tmp_path):
    whole = learned(tmp_path / "a")
    assert whole[0] == pytest.approx(math.log(2), abs=1e-4)
    assert whole[-1] < 0.9 * whole[0]
    assert learned(tmp_path / "b", gradient_accumulation_steps=2) == pytest.approx(whole, abs=1e-4)


@pytest.mark.parametrize(
    "settings", [{"method": "full"}, {"head": True}, {"init_lora_weights": "pissa"}]
)
def test_a_run_without_its_base_model_to_compare_with_is_refused(settings):
    with pytest.raises(SpecError, match="compares answers with those of the base model"):
        FinetuneSpec(loss="dpo", **settings)
    with pytest.raises(SpecError, match="cross_entropy has no setting beta"):
        FinetuneSpec(beta=0.2)


def opinions(folder, names=("prompt", "chosen", "rejected")):
    """Write pairs: the right kind of word is chosen, a wrong one rejected."""
    kinds = {"animal": ["cat", "dog", "bird", "fish"], "number": ["one", "two", "three", "four"]}
    made = [
        dict(zip(names, (f"{lead} {word} is", kind, other), strict=True))
        for kind, other in (("animal", "number"), ("number", "animal"))
        for word in kinds[kind]
        for lead in ("the", "a", "blue", "red")
    ]
    file = folder / "opinions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in made))
    return file


@pytest.mark.process
def test_a_run_on_pairs_says_margin_and_wins_before_and_after(workplace, tiny_model):
    asked = FinetuneSpec(
        model=str(tiny_model), data=str(opinions(workplace)), loss="dpo", precision="fp32",
        max_steps=12, learning_rate=5e-3, batch_size=4, warmup_ratio=0.0, eval_steps=6,
    )  # fmt: skip
    run = done(finetune, "dpo", asked)
    found = run.metrics["preferences"]
    base, after = found["base"], found["tuned"]
    assert found["n"] == run.metrics["n"] == len(base["each"])
    assert base["reward_margin"] == 0 < after["reward_margin"]
    gained = [b - a for a, b in zip(base["each"], after["each"], strict=True)]
    assert after["reward_margin"] == pytest.approx(0.1 * sum(gained) / len(gained), abs=1e-4)
    assert after["margin_wins"] == sum(one > 0 for one in gained) / found["n"] > 0.5
    assert after["chosen_wins"] == sum(one > 0 for one in after["each"]) / found["n"]
    shown = page(run)
    assert "Preferences on" in shown
    assert f"{after['reward_margin']:+.3f}" in shown
    assert "nats per pair" in shown
    assert "nats per token at step" not in shown


def test_columns_of_other_names_are_mapped_and_wrong_pairs_are_named(tmp_path):
    from labkit.data import load

    file = opinions(tmp_path, ("question", "good", "bad"))
    templates = {"prompt_template": "Q: {question} ", "completion_template": "{good}"}
    with pytest.raises(DataError, match="needs the columns prompt, chosen and rejected"):
        load(FinetuneSpec(data=str(file), loss="dpo"))
    found = load(FinetuneSpec(data=str(file), loss="dpo", rejected_template="{bad}", **templates))
    first = found.train[0]
    assert (first.prompt[:3], first.completion[0], first.rejected[0]) == ("Q: ", " ", " ")
    assert {first.completion, first.rejected} == {" animal", " number"}
    assert found.task == "generation"
    file.write_text('{"prompt": "a", "chosen": "b", "rejected": "b"}\n' * 3)
    with pytest.raises(DataError, match="are the same in row 1"):
        load(FinetuneSpec(data=str(file), loss="dpo"))


def test_a_pair_that_is_too_long_keeps_one_prompt_for_both(tiny_model):
    asked = " ".join(["the dog"] * 8) + " is"
    some = Example(asked, " animal", None, 1, None, rejected=" two two two two two two")
    (pair,), notes = tokenize([some], RowTokenizer(tiny_model), max_length=16)
    other = pair.other
    assert pair.input_ids[: pair.n_prompt] == other.input_ids[: other.n_prompt]
    assert len(other.input_ids) == 16 > len(pair.input_ids)
    assert "rejected: 1 of 1 rows are longer than max_length 16" in notes[-1]
