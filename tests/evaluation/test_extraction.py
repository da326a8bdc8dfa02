"""Fields and entities: worked by hand, and equal to scikit-learn and seqeval on random rows."""

import json

import numpy as np
import pytest

from labkit.errors import DataError
from labkit.evaluation import metrics_for, row_scores, score_texts
from labkit.evaluation.extraction import first_object, pairs, whole_object

FIELDS = ("field_precision", "field_recall", "field_f1")


def fields(answers, references):
    found = score_texts(answers, references, FIELDS)
    return [found[name].value for name in FIELDS]


def test_fields_by_hand():
    """Row 1: 2 of 3 said are right, 2 wanted; row 2: 1 of 1, 3 wanted. So 3 of 4, 3 of 5."""
    references = ['{"room": "Kitchen", "level": 3}', '{"names": ["Ada", "Bob", "Bob"]}']
    answers = ['{"level": 3, "room": "kitchen ", "extra": "x"}', '{"names": ["bob"]}']
    assert fields(answers, references) == pytest.approx([3 / 4, 3 / 5, 2 * 3 / 9])
    rows = row_scores("field_f1", answers, references)
    assert rows == pytest.approx([2 * 2 / 5, 2 * 1 / 4])


def test_fields_are_those_of_scikit_learn_on_random_rows():
    """A (row, field, value) is a case that is said or not, wanted or not."""
    from sklearn.metrics import precision_recall_fscore_support

    draw, values = np.random.default_rng(0), ["on", "off", 1, 2.5]

    def random_row():
        names = draw.choice(["a", "b", "c", "d"], draw.integers(1, 5), replace=False)
        return {name: values[draw.integers(4)] for name in names}

    wanted, said = [random_row() for _ in range(50)], [random_row() for _ in range(50)]
    cases = [
        (row.get(name) == value, answer.get(name) == value)
        for row, answer in zip(wanted, said, strict=True)
        for name in "abcd"
        for value in values
    ]
    *expected, _ = precision_recall_fscore_support(*zip(*cases, strict=True), average="binary")
    found = fields([json.dumps(a) for a in said], [json.dumps(w) for w in wanted])
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
        ('{"a": "New  York"}', '{"A": "new york\\n"}'),
        ('{"a": 5}', '{"a": "5"}'),
        ('{"a": 5.0}', '{"a": 5}'),
        ('{"a": ["x", "y", "x"]}', '{"a": ["x", "x", "y"]}'),
        ('{"a": {"b": 1, "c": [2]}}', '{"a": {"c": [2], "b": 1}}'),
        ('{"a": 1, "b": null, "c": []}', '{"a": 1}'),
        ('{"a": [{"x": 1, "y": 2}]}', '{"a": [{"y": 2, "x": 1}]}'),
        ('{"a": "STRASSE"}', '{"a": "straße"}'),
    ],
)
def test_what_counts_as_the_same(first, second):
    assert pairs(json.loads(first)) == pairs(json.loads(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"a": ["x", "x"]}', '{"a": ["x"]}'),
        ('{"a": 5.5}', '{"a": 5}'),
        ('{"a": "x"}', '{"b": "x"}'),
        ('{"a": {"b": 1}}', '{"a": 1}'),
        ('{"a": ["x", "y"]}', '{"a": "x y"}'),
        ('{"a": true}', '{"a": 1}'),
    ],
)
def test_what_counts_as_different(first, second):
    assert pairs(json.loads(first)) != pairs(json.loads(second))


@pytest.mark.parametrize(
    ("answer", "is_valid", "found"),
    [
        (' {"a": 1}\n', True, {"a": 1}),
        ('```json\n{"a": 1}\n```', True, {"a": 1}),
        ('Sure: {"a": 1}!', False, {"a": 1}),
        ('{"a": 1} {"a": 2}', False, {"a": 1}),
        ('{oops} {"a": "{"}', False, {"a": "{"}),
        ('{"a": 1', False, None),
        ('{"a": {"b": 1}', False, {"b": 1}),
        ("[1]", False, None),
        ('{"a": NaN}', False, None),
        ("", False, None),
    ],
)
def test_answers_are_read_leniently_and_called_valid_only_as_a_whole(answer, is_valid, found):
    assert (whole_object(answer) is not None) == is_valid
    assert first_object(answer) == found
    measure = score_texts([answer], ['{"a": 1}'], ["valid_json"])["valid_json"]
    assert measure.value == is_valid


def test_the_valid_rate_has_the_interval_of_wilson():
    found = score_texts(['{"a": 1}'] * 8 + ["no"] * 2, ['{"a": 1}'] * 10, ["valid_json"])
    assert found["valid_json"].interval == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_an_answer_without_json_costs_recall_and_no_precision():
    answers, references = ['{"a": 1}', "I do not know"], ['{"a": 1}', '{"a": 2}']
    assert fields(answers, references) == pytest.approx([1, 1 / 2, 2 / 3])


def test_nothing_said_where_nothing_was_wanted_is_right():
    assert fields(["{}"], ["{}"]) == [1, 1, 1]
    assert fields(['{"a": 1}'], ["{}"]) == [0, 0, 0]
    assert fields(["?"], ['{"a": 1}']) == [0, 0, 0]


def test_a_reference_that_is_no_object_is_named_with_its_row():
    with pytest.raises(DataError, match="row 2 has 'kitchen'"):
        score_texts(["{}", "{}"], ["{}", "kitchen"], ["field_f1"])


def entity_f1(answers, references):
    return score_texts(answers, references, ["entity_f1"])["entity_f1"].value


def test_entities_of_tags_by_hand():
    """Wanted PER 0–1 and LOC 3; said PER 0–1 and LOC 2–3: one of two right."""
    assert entity_f1(["B-PER I-PER B-LOC I-LOC"], ["B-PER I-PER O B-LOC"]) == pytest.approx(0.5)


def test_entities_of_tags_are_those_of_seqeval():
    from seqeval.metrics import f1_score

    draw, tags = np.random.default_rng(0), ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    wanted = [draw.choice(tags, draw.integers(1, 9)).tolist() for _ in range(40)]
    said = [[t if draw.random() < 0.7 else draw.choice(tags) for t in row] for row in wanted]
    found = entity_f1([" ".join(row) for row in said], [" ".join(row) for row in wanted])
    assert found == pytest.approx(f1_score(wanted, said))


def test_an_answer_of_another_length_or_with_other_words_is_counted_as_it_stands():
    assert entity_f1(["B-PER", "the B-LOC"], ["B-PER O O", "O B-LOC"]) == 1
    assert entity_f1(["B-PER O B-LOC B-LOC"], ["B-PER"]) == pytest.approx(2 / 4)


def test_entities_of_json_by_hand():
    """Type and text must be right; twice said is once too often."""
    wanted = '{"entities": [{"type": "PER", "text": "Ada"}, {"type": "LOC", "text": "Rome"}]}'
    said = (
        'Found: {"entities": [{"text": "ada", "type": "PER"}, {"text": "Ada", "type": "PER"}, '
        '{"type": "ORG", "text": "Rome"}, "Rome"]}'
    )
    assert entity_f1([wanted], [wanted]) == 1
    assert entity_f1([said], [wanted]) == pytest.approx(2 * 1 / (4 + 2))
    assert entity_f1(["nothing"], ['{"entities": []}']) == 1
    assert entity_f1(['{"entities": "Rome"}'], [wanted]) == 0


def test_a_reference_without_entities_is_named_with_its_row():
    with pytest.raises(DataError, match="row 1 has") as caught:
        entity_f1(["O"], ['{"room": "kitchen"}'])
    assert "field_f1" in caught.value.hint


def test_entities_are_measured_where_the_references_hold_them():
    assert metrics_for("extraction", ['{"a": 1}'])[0] == "field_f1"
    assert metrics_for("extraction", ["O B-PER", "O"])[0] == "entity_f1"
    listed = metrics_for("extraction", ['{"entities": []}', '{"entities": [], "a": 1}'])
    assert (listed[0], listed[-1]) == ("field_f1", "entity_f1")
    assert "entity_f1" not in metrics_for("extraction")
