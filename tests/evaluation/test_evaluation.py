import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from labkit.errors import DataError, RunError
from labkit.evaluation import (
    base_and_tuned,
    compare,
    evaluate_classification,
    evaluate_generation,
    label_scores,
    without_adapter,
)
from labkit.evaluation.classify import summarise
from labkit.evaluation.evaluate import relabelled

LABELS = ("joy", "fear", "anger")


def answers(*shares):
    """An evaluation in which each row's probabilities over LABELS are these, gold is GOLD."""
    return summarise(np.log(np.array(shares)), LABELS, GOLD[: len(shares)])


GOLD = ["joy", "fear", "anger", "joy"]
BASE = [(0.8, 0.1, 0.1), (0.7, 0.2, 0.1), (0.5, 0.3, 0.2), (0.6, 0.3, 0.1)]
TUNED = [(0.9, 0.05, 0.05), (0.3, 0.6, 0.1), (0.1, 0.1, 0.8), (0.2, 0.5, 0.3)]


def test_the_likeliest_label_is_the_answer_and_the_numbers_follow():
    found = answers(*TUNED)
    assert found.predictions == ("joy", "fear", "anger", "fear")
    assert (found.n, found.accuracy) == (4, 0.75)
    assert found.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    assert found.per_label["joy"].recall == 0.5
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found.probabilities[2] == pytest.approx((0.1, 0.1, 0.8))
    assert found.interval[0] < 0.75 < found.interval[1]


def test_an_evaluation_is_plain_json():
    found = answers(*TUNED)
    read = json.loads(json.dumps(found.as_dict()))
    assert read["accuracy"] == 0.75
    assert read["per_label"]["anger"]["f1"] == 1
    assert read["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_comparison_names_corrections_and_regressions_the_most_confident_first():
    found = compare(answers(*BASE), answers(*TUNED), ["one", "two", "three", "four"])
    assert [c.text for c in found.corrections] == ["three", "two"]
    assert [c.text for c in found.regressions] == ["four"]
    best = found.corrections[0]
    assert (best.row, best.base, best.tuned, best.gold) == (2, "joy", "anger", "anger")
    assert best.probability == pytest.approx(0.8)
    assert (found.paired.difference, found.paired.p_value) == (0.25, 1)
    assert json.loads(json.dumps(found.as_dict()))["paired"]["gained"] == 2


def test_only_so_many_changes_are_shown():
    found = compare(answers(*BASE), answers(*TUNED), ["one", "two", "three", "four"], shown=1)
    assert len(found.corrections) == 1
    assert found.paired.gained == 2


def test_rows_that_are_not_the_same_are_not_compared():
    other = summarise(np.log(np.array(BASE)), LABELS, ["fear", "fear", "anger", "joy"])
    with pytest.raises(DataError, match="same rows"):
        compare(other, answers(*TUNED), ["one", "two", "three", "four"])


def test_classification_answers_with_the_label_of_the_highest_score(llama):
    prompts = [[1, 2, 3, i] for i in range(8)]
    completions = {"joy": [10], "fear": [11, 12], "anger": [13]}
    scores = label_scores(llama, 257, prompts, list(completions.values()))
    best = [list(completions)[i] for i in scores.argmax(1)]
    found = evaluate_classification(llama, 257, prompts, completions, best)
    assert found.accuracy == 1
    assert found.predictions == tuple(best)
    assert np.allclose(np.sum(found.probabilities, axis=1), 1)


def test_a_gold_answer_that_is_no_label_is_refused_before_the_model_runs():
    with pytest.raises(DataError, match="got 'joyful'"):
        evaluate_classification(None, 257, [[1]], {"joy": [1], "fear": [2]}, ["joyful"])


def row(prompt, completion):
    return SimpleNamespace(input_ids=[*prompt, *completion], n_prompt=len(prompt))


def test_loss_is_the_mean_over_all_target_tokens(llama, byte_tokenizer):
    """Against the model's own loss on each row, weighted by its target tokens."""
    import torch

    rows = [row([1, 2, 3], [4, 5, 257]), row([9], [8, 257]), row([], [7, 6, 5, 257])]
    nats, count = 0.0, 0
    for r in rows:
        labels = [-100] * r.n_prompt + r.input_ids[r.n_prompt :]
        ids, n = torch.tensor([r.input_ids]), len(labels) - max(1, r.n_prompt)
        with torch.no_grad():
            nats += llama(input_ids=ids, labels=torch.tensor([labels])).loss.item() * n
        count += n
    found = evaluate_generation(
        llama, byte_tokenizer, rows[:2] + rows[2:], ["", "", ""], answered=2
    )
    assert (found.n, found.n_tokens, found.n_answers) == (3, count, 2)
    assert found.loss == pytest.approx(nats / count, rel=1e-5)
    assert found.perplexity == pytest.approx(math.exp(nats / count), rel=1e-4)


def test_exact_match_counts_the_answers_equal_to_the_reference(llama, byte_tokenizer):
    from labkit.evaluation import generate

    prompts = [[72, 73], [100, 101, 102], [5]]
    own = generate(llama, byte_tokenizer, prompts, 4)
    rows = [row(p, [1, 1, 1, 257]) for p in prompts]
    references = [own[0] + "\n", own[1] + "x", own[2]]
    found = evaluate_generation(llama, byte_tokenizer, rows, references)
    assert found.exact_match == pytest.approx(2 / 3)
    assert found.answers == tuple(own)
    assert found.interval[0] < 2 / 3 < found.interval[1]
    json.dumps(found.as_dict())


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")
def test_base_and_tuned_measures_one_model_without_and_with_its_adapter(llama):
    import copy

    import torch
    from peft import LoraConfig, get_peft_model

    ids = torch.tensor([[1, 2, 3]])
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(copy.deepcopy(llama), config).eval()
    base, tuned = base_and_tuned(model, lambda m: m(input_ids=ids).logits)
    assert torch.equal(base, llama(input_ids=ids).logits)
    assert not torch.allclose(base, tuned)


def test_a_model_without_adapter_has_no_base_to_go_back_to(llama):
    with pytest.raises(RunError, match="no adapter"), without_adapter(llama):
        pass


def test_every_label_is_written_as_the_rows_write_it():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Row:
        completion: str
        label: str

    rows = [Row(" joy.", "joy"), Row(" Fear!", "fear")]
    found = relabelled(rows[0], rows, ["joy", "fear", "anger"])
    assert [r.completion for r in found] == [" joy.", " Fear!", " anger."]
    assert [r.label for r in found] == ["joy", "fear", "anger"]
