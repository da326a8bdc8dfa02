"""Templates and columns → prompt and completion."""

import pytest

from labkit.data.layouts import layout_of
from labkit.data.render import columns_of, render, render_notes
from labkit.data.tables import Row
from labkit.data.templates import parse, unfilled
from labkit.errors import DataError, LabError, SpecError
from labkit.spec import FinetuneSpec


def rows_from(*dicts):
    return [Row(number, values, "a.csv") for number, values in enumerate(dicts, 1)]


def rendered(rows, **settings):
    layout = layout_of(FinetuneSpec(**settings), None, columns_of(rows))
    return [(example.prompt, example.completion) for example in render(rows, layout)]


def refusal(*dicts, kind=LabError, **settings):
    with pytest.raises(kind) as caught:
        rendered(rows_from(*dicts), **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "row", "expected"),
    [
        (
            "### Question: {prompt}\n### Answer: {response}",
            {"prompt": "Why?", "response": "So."},
            ("### Question: Why?\n### Answer:", " So."),
        ),
        (
            "### Language: {programming_language} \n### Question: {prompt} \n"
            "### Answer: {response}",
            {"programming_language": "C", "prompt": "Add", "response": "a + b"},
            ("### Language: C \n### Question: Add \n### Answer:", " a + b"),
        ),
        (
            "<|start_header_id|>user<|end_header_id|>\n{phrase}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n{tone}",
            {"phrase": "I won!", "tone": "joy"},
            (
                "<|start_header_id|>user<|end_header_id|>\nI won!<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n",
                "joy",
            ),
        ),
        (
            "User: {input}\nAssistant: {output}",
            {"input": "a {b} c", "output": "{d}"},
            ("User: a {b} c\nAssistant:", " {d}"),
        ),
        ("{{{a}}} ->  {b}!\n", {"a": "x", "b": "y"}, ("{x} ->", "  y!\n")),
        ("{a} {a}: {b}", {"a": 1, "b": 2.5}, ("1 1:", " 2.5")),
        ("{text}", {"text": "whole"}, ("", "whole")),
    ],
)
def test_what_follows_the_last_fixed_text_is_the_completion(template, row, expected):
    assert rendered(rows_from(row), text_template=template) == [expected]


def test_two_templates_say_prompt_and_completion_apart():
    settings = {"prompt_template": "Q: {q}\nA: ", "completion_template": "{a} ({q})"}
    assert rendered(rows_from({"q": "x", "a": "y"}), **settings) == [("Q: x\nA:", " y (x)")]


def test_columns_prompt_and_completion_are_taken_as_they_are():
    rows = rows_from({"prompt": "The sky is ", "completion": "blue.", "other": [1]})
    assert rendered(rows) == [("The sky is", " blue.")]


def test_a_single_column_text_is_learned_whole():
    assert rendered(rows_from({"text": "abc"})) == [("", "abc")]


def test_a_chat_ends_with_what_is_learned():
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows = rows_from({"messages": turns})
    (example,) = render(rows, layout_of(FinetuneSpec(), None, ["messages"]))
    assert (example.prompt, example.completion) == ("user: Hi", "Hello")
    assert example.messages == tuple(turns)


def test_what_was_given_is_the_longest_text_in_the_prompt():
    rows = rows_from({"title": "A", "body": "Long story.", "sum": "A very short summary of it."})
    spec = FinetuneSpec(text_template="Sum up {title}, then {body}: {sum}")
    layout = layout_of(spec, None, columns_of(rows))
    assert [example.given for example in render(rows, layout)] == ["Long story."]
    turns = [("system", "Be brief, please."), ("user", "Hi"), ("assistant", "Hello, who are you?")]
    chat = rows_from({"messages": [{"role": role, "content": text} for role, text in turns]})
    layout = layout_of(FinetuneSpec(), None, columns_of(chat))
    assert render(chat, layout)[0].given == "Be brief, please."
    whole = rows_from({"text": "whole"})
    assert render(whole, layout_of(FinetuneSpec(), None, ["text"]))[0].given == ""


def test_the_data_sets_own_template_is_the_default_and_the_specs_comes_first():
    rows = rows_from({"a": "x", "b": "y"})
    own = layout_of(FinetuneSpec(), "{a}: {b}", ["a", "b"])
    assert render(rows, own)[0].prompt == "x:"
    other = layout_of(FinetuneSpec(text_template="{a} = {b}"), "{a}: {b}", ["a", "b"])
    assert render(rows, other)[0].prompt == "x ="


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("no place", "text_template has no {column} place"),
        ("{a}{b}", "fixed text before its last place {b}"),
        ("{a", "text_template is not a template"),
        ("{a} }", "text_template is not a template"),
        ("{a}: {}", "a place without a column"),
        ("{a:>5}: {b}", "a format in {a}"),
        ("{a!r}: {b}", "a format in {a}"),
    ],
)
def test_a_wrong_template_is_a_wrong_setting(template, words):
    assert words in refusal({"a": "x", "b": "y"}, kind=SpecError, text_template=template)


def test_an_unknown_column_offers_the_near_one():
    said = refusal({"phrase": "x", "tone": "y"}, text_template="{phrase}: {tune}")
    assert "the column 'tune'; the data has phrase, tone" in said
    assert "Did you mean 'tone'?" in said


def test_columns_without_a_template_are_named_with_a_template_for_them():
    said = refusal({"phrase": "x", "tone": "y"})
    assert "columns phrase, tone" in said
    assert 'text_template: "Phrase: {phrase}\\nTone: {tone}"' in said


FULL = {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"a": "x", "b": ""}, "The column 'b' is empty in row 2 of a.csv"),
        ({"a": "x", "b": " \n"}, "The column 'b' is empty in row 2 of a.csv"),
        ({"a": "x", "b": None}, "The column 'b' is empty in row 2 of a.csv"),
        ({"a": "x", "b": float("nan")}, "The column 'b' is empty in row 2 of a.csv"),
        ({"a": "x"}, "The column 'b' is empty in row 2 of a.csv"),
        ({"a": " ", "b": "y"}, "The column 'a' is empty in row 2 of a.csv"),
        ({"a": "x", "b": 3}, "holds text, but row 2 of a.csv has a number there: 3"),
        ({"a": "x", "b": True}, "holds text, but row 2 of a.csv has true or false there: True"),
        ({"a": "x", "b": ["y"]}, "holds text, but row 2 of a.csv has a list there: ['y']"),
        ({"a": "x\ud83d", "b": "y"}, "half a character ('\\ud83d') in row 2 of a.csv"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(row, words):
    assert words in refusal(FULL, row, FULL, kind=DataError, text_template="{a}: {b}")


def test_a_column_of_lists_is_refused():
    said = refusal({"a": "x", "b": [1, 2]}, text_template="{a}: {b}")
    assert "'b' must hold text; row 1 of a.csv has a list: [1, 2]" in said


def test_one_empty_column_of_several_is_allowed_and_said():
    rows = rows_from({"i": "Add", "c": "1 2", "o": "3"}, {"i": "Greet", "c": "", "o": "Hi"})
    layout = layout_of(FinetuneSpec(text_template="{i}\n{c}\n-> {o}"), None, ["i", "c", "o"])
    notes = render_notes(rows, layout, render(rows, layout))
    assert notes == ["The column 'c' is empty in 1 rows (row 2 of a.csv first)."]


def test_words_that_would_run_together_are_said():
    rows = rows_from({"prompt": "The food was great", "completion": "joy"})
    layout = layout_of(FinetuneSpec(), None, ["prompt", "completion"])
    (note,) = render_notes(rows, layout, render(rows, layout))
    assert "'od was greatjoy'" in note


USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("Hi", "row 1 of a.csv has text"),
        ([], "row 1 of a.csv has a list"),
        ([USER], "1 turns and ends with 'user'"),
        ([{"role": "assistant", "content": "Hi"}], "1 turns and ends with 'assistant'"),
        ([USER, {"role": "assistant"}], "needed in turn 2 of messages in row 1"),
        ([USER, {"role": "assistant", "content": 3}], "must be text in turn 2"),
        ([USER, {"role": "assistant", "content": " "}], "empty in turn 2"),
    ],
)
def test_a_chat_that_cannot_be_learned_is_named(messages, words):
    assert words in refusal({"messages": messages}, kind=DataError)


@pytest.mark.parametrize(
    ("template", "text", "wanted"),
    [
        ("Phrase: {p}\nTone: ", "Phrase: what (a)\nday!\nTone:", {"p": "what (a)\nday!"}),
        ("{a}.* {b}?", "one.* two?", {"a": "one", "b": "two"}),
        ("Phrase: {p}", "phrase: no", None),
    ],
)
def test_what_a_filled_prompt_was_made_from_is_found_again(template, text, wanted):
    assert unfilled(parse(template, "prompt_template"), text) == wanted
