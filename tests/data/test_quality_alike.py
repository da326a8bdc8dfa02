"""Nearly equal rows: the same as comparing each with each."""

import random
from itertools import product

import pytest

from labkit.data.layouts import layout_of
from labkit.data.quality import inspect_data
from labkit.data.quality.alike import filled, jaccard, matches, parts_of
from labkit.data.render import render
from labkit.data.tables import Row
from labkit.spec import FinetuneSpec


def texts(n, rng, n_words=40, length=8):
    return [" ".join(f"w{rng.randrange(n_words)}" for _ in range(length)) for _ in range(n)]


def with_one_word_changed(text, rng):
    words = text.split()
    words[rng.randrange(len(words))] = "other"
    return " ".join(words)


@pytest.mark.parametrize("by_words", [False, True])
@pytest.mark.parametrize("least", [0.3, 0.5, 0.7, 0.9])
def test_the_best_match_is_that_of_comparing_each_with_each(by_words, least):
    rng = random.Random(3)
    first = texts(120, rng, length=30 if by_words else 8)
    second = [with_one_word_changed(t, rng) for t in first[:40]]
    second += texts(40, rng) + first[:5]
    one, other = ([parts_of(t, by_words=by_words) for t in side] for side in (first, second))
    best = {}
    for (i, a), (j, b) in product(enumerate(one), enumerate(other)):
        likeness = len(a & b) / len(a | b)
        if likeness >= least and likeness > best.get(j, (0, 0))[0]:
            best[j] = (likeness, i)
    expected = [(i, j, likeness) for j, (likeness, i) in sorted(best.items())]
    assert matches(one, other, least) == expected
    assert len(expected) >= 5


def test_the_jaccard_index_is_worked_by_hand():
    # "abc defg" and "abc defh" share three parts of five characters; each has one of its own
    one, other = (parts_of(t, by_words=False) for t in ("ABC-defg", "abc defh"))
    assert one == {"abc d", "bc de", "c def", " defg"}
    assert jaccard(one, other) == pytest.approx(3 / 5)


def test_words_count_in_threes_and_a_short_text_is_one_part():
    assert parts_of("The cat, the DOG!", by_words=True) == {"the cat the", "cat the dog"}
    assert parts_of("Cat", by_words=True) == parts_of("cat", by_words=False) == {"cat"}


def test_near_rows_across_splits_are_named_and_exact_ones_are_not_near(tmp_path):
    questions = ["Why does the red thing weigh so much?", "Who has painted the green boat?"]
    line = '{{"prompt": "{}", "completion": "answer {}"}}\n'
    train = [line.format(q, i) for i, q in enumerate(questions)]
    train += [line.format(f"{i} {chr(97 + i) * 9} {chr(98 + i) * 12}", i) for i in range(12)]
    test = [line.format(questions[0].replace("much", "little"), 9), train[1], train[8]]
    (tmp_path / "train.jsonl").write_text("".join(train))
    (tmp_path / "test.jsonl").write_text("".join(test))
    quality = inspect_data(FinetuneSpec(data=str(tmp_path), task="generation"))
    ((_, pairs),) = [item for item in quality.near.items() if item[0] == ("train", "test")]
    assert [(pair.one, pair.other) for pair in pairs] == [(("train", 1), ("test", 1))]
    assert len(quality.twins.across["train", "test"]) == 2


def test_texts_exactly_as_alike_as_asked_for_are_found():
    assert matches([frozenset("abcdefghij")], [frozenset("abcdefg")], 0.7) == [(0, 0, 0.7)]
    assert matches([frozenset("abcdefghijk")], [frozenset("abcdefg")], 0.7) == []


def test_all_places_are_compared_and_the_template_is_not():
    layout = layout_of(
        FinetuneSpec(text_template="Term: {a}\nLevel: {b}\n->{c}"), None, list("abc")
    )
    rows = [Row(1, {"a": "loss", "b": "for beginners", "c": "x"}, "a.csv")]
    assert filled(render(rows, layout)[0], layout).split() == ["loss", "for", "beginners"]
