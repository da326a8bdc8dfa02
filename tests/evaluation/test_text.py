"""BLEU, chrF, ROUGE and their like: worked by hand, and equal to the reference libraries."""

import math

import numpy as np
import pytest

from labkit.data import Example
from labkit.errors import DataError, SpecError
from labkit.evaluation import METRICS, lead_1, metrics_for, row_scores, score_texts
from labkit.evaluation.summaries import first_sentence, words

VOCABULARY = ["the", "cat", "sat", "on", "a", "mat", ".", "Größe", "dog,", "don't", "3.5", "naïve"]


def sentences(n, seed, longest=12, vocabulary=VOCABULARY):
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(vocabulary, draw.integers(longest + 1))) for _ in range(n)]


def value(name, answers, references):
    return score_texts(answers, references, [name])[name].value


ANSWERS, REFERENCES = sentences(40, 0), sentences(40, 1)


def test_bleu_by_hand():
    """Answer of 6 words, reference of 7: n-grams hit 5/6, 3/5, 2/4, 1/3, brevity exp(−1/6)."""
    answer, reference = "the cat sat on a mat", "the big cat sat on a rug"
    expected = math.exp(-1 / 6) * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4)
    assert value("bleu", [answer], [reference]) == pytest.approx(100 * expected)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 40])
def test_bleu_and_chrf_are_those_of_sacrebleu(n):
    from sacrebleu import corpus_bleu, corpus_chrf

    answers, references = ANSWERS[-n:], REFERENCES[-n:]
    bleu = corpus_bleu(answers, [references], force=True).score
    assert value("bleu", answers, references) == pytest.approx(bleu)
    assert value("chrf", answers, references) == pytest.approx(
        corpus_chrf(answers, [references]).score
    )


def test_rows_get_the_sentence_scores_of_sacrebleu():
    from sacrebleu import sentence_bleu, sentence_chrf

    pairs = list(zip(ANSWERS, REFERENCES, strict=True))
    bleu = [sentence_bleu(a, [r]).score for a, r in pairs]
    assert row_scores("bleu", ANSWERS, REFERENCES) == pytest.approx(bleu)
    chrf = [sentence_chrf(a, [r]).score for a, r in pairs]
    assert row_scores("chrf", ANSWERS, REFERENCES) == pytest.approx(chrf)


def test_chrf_by_hand():
    """`abc` for `abd`: 2 of 3 letters, 1 of 2 pairs, 0 of 1 triple; precision equals recall."""
    assert value("chrf", ["abc"], ["abd"]) == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)


def test_the_signature_of_sacrebleu_is_kept():
    found = score_texts(ANSWERS, REFERENCES, ["bleu", "chrf"])
    assert "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2." in found["bleu"].about
    assert "case:mixed|eff:yes|nc:6|nw:0|space:no|version:2." in found["chrf"].about


def test_an_empty_answer_scores_0_everywhere():
    names = ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "exact_match", "length_ratio")
    found = score_texts(["", ""], ["a cat", "a dog"], names)
    assert [measure.value for measure in found.values()] == [0] * 7


def test_rouge_by_hand():
    """`the cat was under the bed` for `the cat sat on the bed`: 4 words, 2 pairs, sequence of 4."""
    said, wanted = ["the cat was under the bed"], ["the cat sat on the bed"]
    assert value("rouge1", said, wanted) == pytest.approx(4 / 6)
    assert value("rouge2", said, wanted) == pytest.approx(2 / 5)
    assert value("rougeL", said, wanted) == pytest.approx(4 / 6)


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_that_of_rouge_score_on_ascii_text(name):
    from rouge_score.rouge_scorer import RougeScorer

    letters = ["the", "Cat", "sat-on", "a_b", "mat.", "don't", "3.5", "(dog)", "\tx"]
    answers, references = sentences(40, 2, 12, letters), sentences(40, 3, 12, letters)
    scorer = RougeScorer([name], use_stemmer=False)
    pairs = zip(answers, references, strict=True)
    expected = [scorer.score(r, a)[name].fmeasure for a, r in pairs]
    assert row_scores(name, answers, references) == pytest.approx(expected)
    assert value(name, answers, references) == pytest.approx(np.mean(expected))


def test_rouge_counts_the_words_of_every_script():
    from rouge_score.rouge_scorer import RougeScorer

    for text in ("Größe zählt", "Привет, мир", "नमस्ते दुनिया", "Ťažký kôň"):
        assert len(words(text)) == 2
        assert value("rouge1", [text], [text]) == 1
        assert value("rouge1", [text], [text.split()[0]]) == pytest.approx(2 / 3)
    assert RougeScorer(["rouge1"]).score("Привет", "Привет")["rouge1"].fmeasure == 0
    assert words("Größe") == words("Gro\u0308ße")


def test_exact_match_leaves_blanks_at_the_ends_aside():
    found = score_texts([" a\n", "b", "C"], ["a", "b", "c"], ["exact_match"])["exact_match"]
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert found.interval == pytest.approx((0.2077, 0.9385), abs=1e-4)  # Wilson of 2 in 3


def test_length_is_measured_over_all_rows():
    assert value("length_ratio", ["one two three", "one"], ["one two", "three four five"]) == 4 / 5
    assert value("length_ratio", ["one two"], ["."]) == 2  # as if the reference had one word


@pytest.mark.parametrize("name", ["bleu", "chrf", "rougeL", "length_ratio"])
def test_the_bootstrap_interval_is_that_of_a_thousand_scorings_of_drawn_rows(name):
    draw, n = np.random.default_rng(9), len(ANSWERS)
    drawn = [draw.integers(n, size=n) for _ in range(150)]
    scores = [
        value_of_rows(name, [ANSWERS[i] for i in rows], [REFERENCES[i] for i in rows])
        for rows in drawn
    ]
    found = score_texts(ANSWERS, REFERENCES, [name])[name]
    low, high = np.percentile(scores, [2.5, 97.5])
    assert found.interval == pytest.approx((low, high), abs=0.25 * (high - low))
    assert found.interval[0] < found.value < found.interval[1]


def value_of_rows(name, answers, references):
    """The metric itself, without its interval."""
    from labkit.evaluation.scores import row_counts

    return float(METRICS[name].total(row_counts(name, answers, references).sum(axis=0)))


def test_an_interval_repeats_with_its_seed_and_one_row_has_none():
    def interval(seed, n=40):
        return score_texts(ANSWERS[:n], REFERENCES[:n], ["chrf"], seed=seed)["chrf"].interval

    assert interval(3) == interval(3) != interval(4)
    assert interval(3, n=1) is None


def test_every_task_begins_with_its_primary_metric():
    assert metrics_for("classification")[0] == "accuracy"
    assert metrics_for("generation")[0] == "chrf"
    assert metrics_for("extraction")[0] == "field_f1"
    assert metrics_for("summarisation")[0] == "rougeL"
    assert set(metrics_for("generation")) < set(METRICS)


def test_labels_are_scored_as_texts_too():
    """By hand: a is said once and right of two, b is said three times and right of two."""
    found = score_texts(list("abbb"), list("aabb"), metrics_for("classification"))
    assert found["accuracy"].value == found["micro_f1"].value == 0.75
    assert found["macro_f1"].value == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["weighted_f1"].value == pytest.approx((2 * 2 / 3 + 2 * 4 / 5) / 4)


def test_f1_of_labels_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    draw = np.random.default_rng(0)
    gold, said = draw.choice(list("abcdef"), 90).tolist(), draw.choice(list("abcde"), 90).tolist()
    found = score_texts(said, gold, ["macro_f1", "micro_f1", "weighted_f1"])
    for kind in ("macro", "micro", "weighted"):
        expected = f1_score(gold, said, average=kind)
        assert found[f"{kind}_f1"].value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("It rains. We stay.", "It rains."),
        (
            "Dr. Smith (Prof. in Rome) met J. Doe, e.g. at 3.5 p.m. sharp! Later",
            "Dr. Smith (Prof. in Rome) met J. Doe, e.g. at 3.5 p.m. sharp!",
        ),
        ('"Who?" she said. No one.', '"Who?" she said.'),
        ("it rains. we stay.", "it rains."),
        ("Is it. 3 of them.", "Is it."),
        ("A title\n\nThe text. More.", "A title"),
        ("我们走吧。好的。", "我们走吧。"),
        ("one line\nbroken in two. Then more.", "one line broken in two."),
        ("no end at all", "no end at all"),
        ("", ""),
    ],
)
def test_the_first_sentence_of_a_document(text, first):
    assert first_sentence(text) == first


def test_lead_1_takes_the_first_sentence_of_what_a_row_was_given():
    rows = [
        Example("Summarise: A. Lee won. He ran.\nTLDR:", "x", None, 1, given="A. Lee won. He ran.")
    ]
    assert lead_1(rows) == ["A. Lee won."]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: score_texts(["a"], ["a"], ["blue"]), SpecError, "got 'blue'"),
        (lambda: score_texts(["a"], ["a"], ["perplexity"]), SpecError, "the model's probabilities"),
        (lambda: row_scores("ece", ["a"], ["a"]), SpecError, "the model's probabilities"),
        (lambda: score_texts([], [], ["bleu"]), DataError, "got 0 and 0"),
        (lambda: row_scores("bleu", ["a"], ["a", "b"]), DataError, "got 1 and 2"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
