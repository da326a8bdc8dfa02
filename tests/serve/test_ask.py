"""What a request asks for is read as OpenAI's clients write it; the rest is refused by name."""

import pytest

from labkit.serve.ask import chat_ask, text_ask
from labkit.serve.incoming import parse
from labkit.serve.refusal import Refusal, body_of

USER = {"role": "user", "content": "Hello"}
CHAT = {"model": "tone", "messages": [USER]}


def refusal(body, read=chat_ask):
    with pytest.raises(Refusal) as caught:
        read(body)
    return caught.value


def test_what_is_left_out_is_the_likeliest_answer_in_one_piece():
    ask = chat_ask(CHAT)
    assert (ask.model, ask.prompt) == ("tone", [USER])
    assert (ask.max_tokens, ask.temperature, ask.top_p, ask.stop) == (None, 0, 1, ())
    assert (ask.stream, ask.include_usage) == (False, False)


def test_null_is_what_is_left_out():
    names = ("max_tokens", "temperature", "top_p", "stop", "seed", "stream", "stream_options", "n")
    ask = chat_ask(CHAT | dict.fromkeys(names))
    assert (ask.max_tokens, ask.temperature, ask.top_p, ask.stop) == (None, 0, 1, ())


def test_fields_are_read():
    ask = chat_ask(
        CHAT
        | {"max_tokens": 7, "temperature": 1, "top_p": 0.5, "stop": "x", "seed": 5}
        | {"stream": True, "stream_options": {"include_usage": True}}
    )
    assert (ask.max_tokens, ask.temperature, ask.top_p, ask.stop) == (7, 1.0, 0.5, ("x",))
    assert (ask.seed, ask.stream, ask.include_usage) == (5, True, True)


def test_the_newer_name_of_the_longest_answer_wins():
    assert chat_ask(CHAT | {"max_tokens": 7, "max_completion_tokens": 9}).max_tokens == 9


def test_a_seed_of_64_bits_with_a_sign_becomes_one_of_32():
    assert chat_ask(CHAT | {"seed": -1}).seed == 2**32 - 1
    assert chat_ask(CHAT | {"seed": 2**33 + 3}).seed == 3


def test_without_a_seed_each_request_has_one_of_its_own():
    assert len({chat_ask(CHAT).seed for _ in range(8)}) > 1


def test_a_turn_may_come_in_parts_and_a_developer_speaks_as_the_system():
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    turns = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": parts}]
    assert chat_ask(CHAT | {"messages": turns}).prompt == [
        {"role": "system", "content": "Be kind."},
        USER,
    ]


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_text_is_one_text(prompt):
    ask = text_ask({"model": "tone", "prompt": prompt})
    assert (ask.prompt, ask.max_tokens) == ("Once", 16)


@pytest.mark.parametrize("prompt", [None, 3, [], ["a", "b"], [1, 2]])
def test_other_prompts_are_refused(prompt):
    assert refusal({"model": "tone", "prompt": prompt}, text_ask).param == "prompt"


@pytest.mark.parametrize(
    ("field", "values"),
    {
        "model": [None, 3, ""],
        "max_tokens": [0, -1, 1.5, "7", True, 2**63],
        "temperature": [-0.1, 2.1, "1", True, [1]],
        "top_p": [-0.1, 1.1, "1"],
        "stop": [3, ["a"] * 5, [""], "", ["a", 3], {"a": 1}],
        "seed": [1.5, "1", True],
        "stream": [1, "true"],
        "stream_options": [3, [1]],
        "n": [2, 0, "1", True],
        "logprobs": [True, 0, 5],
        "tools": [[{"type": "function"}]],
        "response_format": [{"type": "json_object"}],
        "frequency_penalty": [0.5],
        "logit_bias": [{"5": -100}],
    }.items(),
)
def test_a_value_that_cannot_be_honoured_is_refused_by_name(field, values):
    for value in values:
        error = body_of(refusal(CHAT | {field: value}))["error"]
        assert (error["param"], error["code"]) == (field, "invalid_value")
        assert error["type"] == "invalid_request_error"
        assert error["message"].startswith(f"{field} must be ")


@pytest.mark.parametrize(
    ("turns", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ("Hello", "messages"),
        (["Hello"], "messages[0]"),
        ([USER, {"role": "tool", "content": "3"}], "messages[1].role"),
        ([{"content": "Hello"}], "messages[0].role"),
        ([{"role": ["user"], "content": "Hello"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
    ],
)
def test_a_turn_that_cannot_be_read_is_refused_with_its_place(turns, param):
    assert refusal(CHAT | {"messages": turns}).param == param


def test_what_asks_for_nothing_and_what_is_not_known_is_let_pass():
    chat_ask(
        CHAT
        | {"n": 1, "logprobs": False, "frequency_penalty": 0.0, "presence_penalty": 0, "tools": []}
        | {"response_format": {"type": "text"}, "user": "me", "metadata": {"a": 1}, "x": object}
    )


def test_zero_of_the_probability_leaves_only_the_likeliest_token():
    assert 0 < chat_ask(CHAT | {"top_p": 0}).top_p < 1e-6


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"3",
        b"\xff{}",
        b'{"temperature": NaN}',
        b'{"a": "\\ud83d"}',
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(Refusal, match="The body"):
        parse(body)


def test_a_long_value_is_not_sent_back_whole():
    assert len(refusal(CHAT | {"stream": "x" * 5000}).problem) < 120
