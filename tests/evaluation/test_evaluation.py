import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from labkit.data import Example, Splits, tokenize
from labkit.errors import DataError, RunError
from labkit.evaluation import (
    base_and_tuned,
    compare,
    evaluate,
    evaluate_classification,
    evaluate_generation,
    label_scores,
    without_adapter,
)
from labkit.evaluation.answers import TextRows, Writing, row_losses
from labkit.evaluation.classify import summarise
from labkit.evaluation.rows import LabelRows, relabelled

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
    found = evaluate_classification(llama, LabelRows(prompts, completions, best, 257))
    assert found.accuracy == 1
    assert found.predictions == tuple(best)
    assert np.allclose(np.sum(found.probabilities, axis=1), 1)


def test_a_gold_answer_that_is_no_label_is_refused_before_the_model_runs():
    with pytest.raises(DataError, match="got 'joyful'"):
        evaluate_classification(None, LabelRows([[1]], {"joy": [1], "fear": [2]}, ["joyful"], 257))


def row(prompt, completion):
    return SimpleNamespace(input_ids=[*prompt, *completion], n_prompt=len(prompt))


def text_rows(rows, references):
    return TextRows(rows, references, [str(row.input_ids[: row.n_prompt]) for row in rows])


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
        llama, byte_tokenizer, text_rows(rows, ["", "", ""]), ["chrf"], Writing(answered=2)
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
    asked = text_rows(rows, references)
    found = evaluate_generation(llama, byte_tokenizer, asked, ["chrf"], Writing(max_new_tokens=4))
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
    rows = [Example("a", " joy.", "joy", 1), Example("b", " Fear!", "fear", 2)]
    found = relabelled(rows[0], rows, ["joy", "fear", "anger"])
    assert [row.completion for row in found] == [" joy.", " Fear!", " anger."]
    assert [row.label for row in found] == ["joy", "fear", "anger"]


def splits(task, labels=()):
    return Splits((), (), (), labels, task, (), "")


def tones():
    texts = ["so glad", "so cold", "go away", "what a day it was"]
    gold = ["joy", "joyless", "anger", "joy"]
    return [
        Example(f"Tone of: {text} ->", f" {label}", label, i)
        for i, (text, label) in enumerate(zip(texts, gold, strict=True), 1)
    ]


def test_rows_of_a_data_set_are_scored_with_the_tokens_that_training_learns(llama, byte_tokenizer):
    """The labels begin one another, so the end token that training learns must count."""
    labels, seen = ("anger", "fear", "joy", "joyless"), []
    found = evaluate(
        llama,
        byte_tokenizer,
        tones(),
        splits("classification", labels),
        512,
        lambda *at: seen.append(at),
    )
    variants = [replace(e, completion=f" {x}", label=x) for e in tones() for x in labels]
    rows, _ = tokenize(variants, byte_tokenizer, max_length=512)
    nats = row_losses(llama, rows)[:, 0]
    expected = summarise(-nats.reshape(4, 4), labels, [e.label for e in tones()])
    assert found.predictions == expected.predictions
    assert np.allclose(found.probabilities, expected.probabilities, atol=1e-3)
    assert seen[-1] == (4, 4)


def test_rows_without_labels_are_answered_and_their_loss_measured(llama, byte_tokenizer):
    found = evaluate(llama, byte_tokenizer, tones(), splits("generation"), 512)
    assert found.n == found.n_answers == 4
    assert found.n_tokens == sum(len(e.completion) + 1 for e in tones())
    assert found.references == tuple(e.completion for e in tones())


def test_a_label_of_a_chat_is_written_as_the_assistants_turn():
    turns = ({"role": "user", "content": "so glad"}, {"role": "assistant", "content": "joy"})
    rows = [Example("so glad", "joy", "joy", 1, messages=turns)]
    found = relabelled(rows[0], rows, ["joy", "fear"])
    assert [row.messages[-1]["content"] for row in found] == ["joy", "fear"]
    assert found[1].messages[0] == turns[0]


@pytest.mark.model
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_the_real_model_gives_the_same_answers_by_tree_and_by_whole_sequences():
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from labkit.catalog import resolve_model
    from labkit.data import prompt_ids
    from labkit.evaluation import whole_sequence_scores

    folder = resolve_model("smollm2-135m")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    phrases = ["I can't stop smiling.", "Nobody came to the funeral.", "The bus leaves at noon."]
    asked = "Tone of the phrase, one of joy, sadness, neutral, neutrality.\nPhrase: {}\nTone:"
    prompts = [prompt_ids(asked.format(phrase), tokenizer) for phrase in phrases]
    texts = [" joy", " sadness", " neutral", " neutrality"]
    completions = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    quick = label_scores(model, tokenizer, prompts, completions)
    plain = whole_sequence_scores(model, tokenizer, prompts, completions)
    assert np.abs(quick - plain).max() < 1e-3
    assert (quick.argmax(1) == plain.argmax(1)).all()
