"""evaluate() by task: what is measured, what may be asked for, and what is written down."""

import copy
import json
import math

import numpy as np
import pytest

from labkit.data import Example, Splits
from labkit.errors import DataError, SpecError
from labkit.evaluation import (
    compare,
    compare_texts,
    content_free_prompt,
    evaluate,
    generate,
    label_scores,
    metrics_for,
    score_texts,
)
from labkit.evaluation.answers import row_losses
from labkit.evaluation.calibration import corrected
from labkit.evaluation.metrics import softmax
from labkit.evaluation.rows import label_rows, text_rows, without_content

REFERENCES = ['{"room": "kitchen"}', '{"room": "hall", "on": true}', '{"room": "bath"}']


def splits(task, labels=()):
    return Splits((), (), (), labels, task, (), "")


def rows():
    return [
        Example(f"Find: {text} ->", f" {reference}", None, i, given=text)
        for i, (text, reference) in enumerate(
            zip(["light in kitchen", "hall on", "bath"], REFERENCES, strict=True), 1
        )
    ]


def tones():
    return [
        Example(f"Tone of: {text} ->", f" {label}", label, i, given=text)
        for i, (text, label) in enumerate([("so glad", "joy"), ("go away", "anger")] * 4, 1)
    ]


@pytest.mark.parametrize("task", ["generation", "extraction", "summarisation"])
def test_a_text_task_is_measured_by_its_own_metrics(task, llama, byte_tokenizer):
    found = evaluate(llama, byte_tokenizer, rows(), splits(task), 512)
    references = [example.completion for example in rows()]
    assert list(found.metrics) == [*metrics_for(task), "perplexity"]
    again = score_texts(found.answers, references, metrics_for(task))
    assert {name: found.metrics[name] for name in again} == again
    assert found.prompts == tuple(example.prompt for example in rows())


def test_the_file_of_a_text_task_holds_what_the_report_reads(llama, byte_tokenizer):
    found = evaluate(llama, byte_tokenizer, rows(), splits("generation"), 512)
    read = json.loads(json.dumps(found.as_dict()))
    assert set(read) == {
        *("n", "n_tokens", "loss", "perplexity", "n_answers", "answers", "references", "prompts"),
        *("exact_match", "interval", "metrics"),
    }
    assert set(read["metrics"]["chrf"]) == {"value", "interval", "n", "higher_is_better", "about"}
    assert read["metrics"]["perplexity"]["value"] == pytest.approx(read["perplexity"])
    assert read["perplexity"] == pytest.approx(math.exp(read["loss"]))


def test_perplexity_of_rows_drawn_anew_gives_its_interval(llama, byte_tokenizer):
    found = evaluate(llama, byte_tokenizer, tones(), splits("generation"), 512, answered=1)
    tokens = text_rows(byte_tokenizer, tones(), 512).tokens
    nats, n = row_losses(llama, tokens).T
    draw = np.random.default_rng(5).integers(8, size=(2000, 8))
    drawn = np.exp(nats[draw].sum(1) / n[draw].sum(1))
    low, high = np.percentile(drawn, [2.5, 97.5])
    measured = found.metrics["perplexity"]
    assert measured.interval == pytest.approx((low, high), abs=0.15 * (high - low))
    assert (measured.n, measured.higher_is_better) == (8, False)
    assert measured.about.endswith(f": {nats.sum():.1f} nats over {n.sum():.0f} tokens")


def test_answers_may_be_a_quarter_longer_than_the_longest_reference(llama, byte_tokenizer):
    asked = text_rows(byte_tokenizer, rows(), 512)
    prompts = [row.input_ids[: row.n_prompt] for row in asked.tokens]
    longest = max(len(row.input_ids) - row.n_prompt for row in asked.tokens)
    found = evaluate(llama, byte_tokenizer, rows(), splits("generation"), 512)
    assert found.answers == tuple(
        generate(llama, byte_tokenizer, prompts, math.ceil(1.25 * longest))
    )
    short = evaluate(llama, byte_tokenizer, rows(), splits("generation"), 512, max_new_tokens=3)
    assert short.answers == tuple(generate(llama, byte_tokenizer, prompts, 3))


def test_at_most_50_rows_are_answered_unless_all_are_asked_for(llama, byte_tokenizer):
    many = [Example(f"{i}:", "x", None, i) for i in range(60)]
    few = evaluate(llama, byte_tokenizer, many, splits("generation"), 512)
    assert (few.n, few.n_answers, few.metrics["chrf"].n, few.metrics["perplexity"].n) == (
        *(60, 50),
        *(50, 60),
    )
    everything = evaluate(llama, byte_tokenizer, many, splits("generation"), 512, answered=None)
    assert everything.n_answers == 60


def test_metrics_can_be_named_and_answers_drawn(llama, byte_tokenizer):
    def run(seed):
        return evaluate(
            llama,
            byte_tokenizer,
            rows(),
            splits("generation"),
            512,
            names=("bleu", "perplexity"),
            temperature=1.5,
            seed=seed,
        )

    assert list(run(0).metrics) == ["bleu", "perplexity"]
    assert run(0).answers == run(0).answers != run(1).answers


def test_progress_counts_rows_and_then_answers(llama, byte_tokenizer):
    seen = []
    evaluate(llama, byte_tokenizer, rows(), splits("generation"), 512, lambda *at: seen.append(at))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((1, 6), (6, 6))


def test_entities_in_the_references_are_measured_as_such(llama, byte_tokenizer):
    tagged = [Example("a b:", " O B-PER", None, 1), Example("c:", " O", None, 2)]
    found = evaluate(llama, byte_tokenizer, tagged, splits("extraction"), 512)
    assert next(iter(found.metrics)) == "entity_f1"


def test_a_prior_correction_divides_by_the_likelihoods_after_no_content(llama, byte_tokenizer):
    labels, task = ("anger", "fear", "joy"), splits("classification", ("anger", "fear", "joy"))
    free = content_free_prompt(byte_tokenizer, tones(), 512)
    assert byte_tokenizer.decode(free).endswith("Tone of: N/A ->")
    found = evaluate(llama, byte_tokenizer, tones(), task, 512, prior_correction=free)
    asked = label_rows(byte_tokenizer, tones(), labels, 512)
    forms = list(asked.completions.values())
    scores = label_scores(llama, asked.end, asked.prompts, forms)
    prior = label_scores(llama, asked.end, [free], forms)[0]
    assert np.allclose(found.probabilities, softmax(corrected(scores, prior)), atol=1e-4)
    assert any("without content" in note for note in found.notes)
    plain = evaluate(llama, byte_tokenizer, tones(), task, 512)
    assert not np.allclose(found.probabilities, plain.probabilities, atol=1e-2)


def test_only_the_last_place_of_a_given_text_is_emptied_and_a_chats_turns_are_too():
    turns = (
        {"role": "system", "content": "Say the tone."},
        {"role": "user", "content": "glad"},
        {"role": "assistant", "content": "glad"},
    )
    row = Example("glad is joy. glad is", "x", None, 3, messages=turns, given="glad")
    found = without_content(row)
    assert found.prompt == "glad is joy. N/A is"
    assert [turn["content"] for turn in found.messages] == ["Say the tone.", "N/A", "glad"]
    with pytest.raises(DataError, match="row 7 has none"):
        without_content(Example("Tone:", "joy", "joy", 7))


@pytest.fixture
def headed(llama):
    """The tiny model with a head of two labels in the place of its output layer."""
    from labkit.training.methods.head import put_head

    return put_head(copy.deepcopy(llama), 2)


def test_scores_of_a_head_are_taken_as_they_are(headed, byte_tokenizer):
    import torch

    task = splits("classification", ("anger", "joy"))
    prompts = label_rows(byte_tokenizer, tones(), task.labels, 512).prompts
    last = [headed(input_ids=torch.tensor([ids])).logits[0, -1] for ids in prompts]
    chances = torch.stack(last).softmax(-1).tolist()
    found = evaluate(headed, byte_tokenizer, tones(), task, 512, names=("accuracy",))
    assert found.probabilities == pytest.approx(np.array(chances), abs=1e-5)
    assert found.predictions == tuple("anger" if a > b else "joy" for a, b in chances)
    assert list(found.metrics) == ["accuracy"]
    asked = evaluate(headed, byte_tokenizer, tones(), task, 512, prior_correction=[1])
    assert asked.probabilities == found.probabilities
    assert "not corrected" in asked.notes[0]
    with pytest.raises(SpecError, match="got 'bleu'"):
        evaluate(headed, byte_tokenizer, tones(), task, 512, names=("bleu",))


def test_the_outputs_of_a_head_are_read_in_its_own_order(headed, byte_tokenizer):
    task = splits("classification", ("anger", "joy"))
    found = evaluate(headed, byte_tokenizer, tones(), task, 512)
    turned = evaluate(headed, byte_tokenizer, tones(), task, 512, outputs=("joy", "anger"))
    assert turned.labels == found.labels
    assert turned.probabilities == tuple((b, a) for a, b in found.probabilities)
    assert turned.accuracy == pytest.approx(1 - found.accuracy)


def test_two_models_texts_are_compared_by_the_primary_metric(llama, byte_tokenizer):
    task = splits("extraction")
    base = evaluate(llama, byte_tokenizer, rows(), task, 512)
    tuned = replaced(base, [example.completion for example in rows()])
    found = compare_texts(base, tuned)
    assert (found.metric, found.n) == ("field_f1", 3)
    assert found.difference == 1 - base.metrics["field_f1"].value
    assert found.sentence == "The difference is too close to call with n = 3: 1 [1, 1]."
    assert set(found.as_dict()) == {
        *("metric", "n", "difference", "interval", "p_value", "sentence")
    }
    same = compare_texts(base, base, "perplexity")
    assert (same.difference, same.n) == (0, 3)
    assert "too close to call with n = 3" in same.sentence
    with pytest.raises(DataError, match="same rows"):
        compare_texts(base, evaluate(llama, byte_tokenizer, rows()[:2], task, 512))


def replaced(found, answers):
    from dataclasses import replace

    return replace(found, answers=tuple(answers))


def test_labels_of_two_models_are_compared_in_a_sentence():
    from labkit.evaluation.classify import summarise

    gold = ["a", "b"] * 40
    right = np.log([[0.9, 0.1], [0.1, 0.9]] * 40)
    found = compare(
        summarise(right, ("a", "b"), gold), summarise(-right, ("a", "b"), gold), gold
    ).as_dict()
    assert found["sentence"].startswith("The base model is better by 1 [")
    assert found["paired"]["n"] == 80
    same = summarise(right, ("a", "b"), gold)
    assert "too close to call with n = 80" in compare(same, same, gold).sentence
