"""The data set `instructions` keeps what its card promises: one form per kind, separate splits."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from written import across_splits, overlap, read, words

PER_KIND = {"train": 13, "validation": 2, "test": 3}
LEAD = r"[^\n]*[.?!]"
POINT = r"\n- [^\n]*[.?!]\"?"
FORMS = {
    "explain": rf"{LEAD}\nExample: {LEAD}",
    "list": LEAD + POINT * 3,
    "compare": LEAD + r"\n- [A-Z][\w -]*: [^\n]*\." * 2,
    "classify": rf"{LEAD}\n- Clue: {LEAD}",
    "convert": rf"{LEAD}\n- Working: {LEAD}",
    "plan": rf"{LEAD}\n- First, {LEAD}\n- Then, {LEAD}\n- Finally, {LEAD}",
    "summarise": LEAD,
    "rewrite": LEAD,
    "restyle": LEAD,
    "refuse": rf"I'm sorry, but I can't {LEAD}\n- I can {LEAD}",
    "arithmetic": rf"{LEAD}\n- Working: {LEAD}",
    "advice": LEAD + POINT * 3,
}
WORKING = re.compile(r"Working: (.+) = (-?[\d,.]*\d)\.$")
TWO_SENTENCES = re.compile(r"[.?!]\"? +[A-Z\"]")
COMMON = (
    "a all an and are as at be because but by can compare difference do does each for from give had"
    " has have her his how i if in into is it its less like list make me my name not of on one or"
    " our plan put rewrite sentence so summarise tell that the their them then there these they"
    " this three to turn two up was we what when which while who why with would write you your"
)
NUMBERS = {
    "two": 2, "three": 3, "five": 5, "six": 6, "eight": 8, "ten": 10, "75": 75,
    "two and a half": 2.5, "three quarters": 75, "5 degrees below zero": -5,
}  # fmt: skip


def content(text):
    return set(words(text)) - set(COMMON.split())


def value(expression):
    """What a line of working comes to; only digits and signs can be in it."""
    plain = expression.replace(",", "").replace("×", "*").replace("÷", "/")
    assert re.fullmatch(r"[\d.+*/() -]+", plain), expression
    return eval(plain)


@pytest.fixture(scope="module")
def splits():
    return {split: read("instructions", split) for split in PER_KIND}


@pytest.fixture(scope="module")
def rows(splits):
    return [row for split in splits.values() for row in split]


def of_kind(rows, *kinds):
    return [row for row in rows if row["kind"] in kinds]


@pytest.mark.parametrize("split", PER_KIND)
def test_every_kind_has_its_share_of_each_split(splits, split):
    found = Counter(row["kind"] for row in splits[split])
    assert found == dict.fromkeys(FORMS, PER_KIND[split])


def test_a_row_has_a_kind_an_instruction_and_a_response_and_nothing_else(rows):
    assert {tuple(row) for row in rows} == {("kind", "instruction", "response")}
    assert {type(text) for row in rows for text in row.values()} == {str}


def test_few_rows_are_followed_by_a_row_of_their_kind(splits):
    for split in splits.values():
        kinds = [row["kind"] for row in split]
        assert sum(a == b for a, b in pairwise(kinds)) <= 0.2 * len(kinds)


def test_texts_have_no_loose_space(rows):
    lines = [line for row in rows for text in row.values() for line in text.split("\n")]
    assert [line for line in lines if not line or line != " ".join(line.split())] == []


def test_instructions_are_one_line_of_4_to_30_words(rows):
    asked = [row["instruction"] for row in rows]
    assert [text for text in asked if "\n" in text or not 4 <= len(text.split()) <= 30] == []
    assert [text for text in asked if not re.fullmatch(r"[A-Z\d].*[.?!]\"?", text)] == []


def test_responses_have_from_4_to_45_words(rows):
    odd = [row["response"] for row in rows if not 4 <= len(row["response"].split()) <= 45]
    assert odd == []


@pytest.mark.parametrize("kind", FORMS)
def test_every_response_has_the_form_of_its_kind(rows, kind):
    answers = [row["response"] for row in of_kind(rows, kind)]
    assert [text for text in answers if not re.fullmatch(FORMS[kind], text)] == []


def test_the_first_line_is_one_sentence_of_at_most_25_words(rows):
    leads = [row["response"].split("\n")[0] for row in rows]
    assert TWO_SENTENCES.search("It rains. Take a coat.")
    assert [lead for lead in leads if TWO_SENTENCES.search(lead)] == []
    assert [lead for lead in leads if len(lead.split()) > 25] == []


def test_points_and_examples_have_at_most_18_words(rows):
    points = [line for row in rows for line in row["response"].split("\n")[1:]]
    assert [point for point in points if len(point.split()) - 1 > 18] == []


def test_every_working_comes_to_what_it_says(rows):
    lines = [row["response"] for row in of_kind(rows, "arithmetic", "convert")]
    workings = [match for line in lines if (match := WORKING.search(line))]
    assert len(workings) == len(lines)
    wrong = [m.group() for m in workings if value(m[1]) != pytest.approx(value(m[2]))]
    assert wrong == []


def test_every_answer_states_the_result_of_its_working(rows):
    for row in of_kind(rows, "arithmetic", "convert"):
        lead = row["response"].split("\n")[0].lower()
        result = value(WORKING.search(row["response"])[2])
        digits = [value(number) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", lead)]
        spelled = [n for text, n in NUMBERS.items() if re.search(rf"\b{text}\b", lead)]
        assert any(result == pytest.approx(n) for n in digits + spelled), row


def test_a_summary_is_at_most_three_quarters_as_long_as_its_text(rows):
    for row in of_kind(rows, "summarise"):
        given = row["instruction"].split('"')[1]
        assert len(row["response"].split()) <= 0.75 * len(given.split()), row


def test_no_instruction_and_no_response_occurs_twice(rows):
    for column in ("instruction", "response"):
        seen = Counter(tuple(words(row[column])) for row in rows)
        assert [key for key, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("column", ["instruction", "response"])
def test_no_two_texts_of_different_splits_share_more_than_a_quarter_of_their_words(splits, column):
    pairs = across_splits(splits, lambda row: content(row[column]))
    assert [(a, b) for a, b in pairs if overlap(a, b) > 0.25] == []


def test_no_text_given_in_quotes_shares_four_words_in_a_row_with_another_split(splits):
    def runs(row):
        given = [words(text) for text in re.findall(r'"([^"]+)"', row["instruction"])]
        return {tuple(own[i : i + 4]) for own in given for i in range(len(own) - 3)}

    assert [a & b for a, b in across_splits(splits, runs) if a & b] == []


def test_no_response_of_different_splits_shares_six_words_in_a_row_but_for_the_refusal(splits):
    def runs(row):
        own = words(row["response"].removeprefix("I'm sorry, but I can't "))
        return {tuple(own[i : i + 6]) for i in range(len(own) - 5)}

    assert [a & b for a, b in across_splits(splits, runs) if a & b] == []
