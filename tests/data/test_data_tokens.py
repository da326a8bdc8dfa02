"""Prompt and completion → token ids, with a small tokenizer made here and with the real one."""

import pytest

from labkit.data import Example, describe, load, prompt_ids, tokenize
from labkit.errors import DataError
from labkit.spec import FinetuneSpec

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = ["The cat sat on the mat. Tone: joy", "A dog ran. Tone: fear", "user assistant Hello"] * 4


def make_tokenizer(*, bos=False, eos="<|im_end|>", chat_template=CHATML):
    """Return a byte-level BPE tokenizer; with `bos`, one that starts every text with <s>."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|im_start|>", "<|im_end|>", "<s>"]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=340, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    if bos:
        raw.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", raw.token_to_id("<s>"))]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token=eos, bos_token="<s>" if bos else None
    )
    tokenizer.chat_template = chat_template
    return tokenizer


@pytest.fixture(scope="module")
def plain():
    return make_tokenizer()


@pytest.fixture(scope="module")
def starting():
    return make_tokenizer(bos=True)


def examples_of(*pairs):
    return [Example(p, c, None, row) for row, (p, c) in enumerate(pairs, 1)]


def chat(*contents, row=1):
    roles = ["user", "assistant"] * len(contents)
    messages = tuple({"role": r, "content": c} for r, c in zip(roles, contents, strict=False))
    return Example("", contents[-1], None, row, messages)


def halves(tokenizer, tokens):
    ids, n = tokens.input_ids, tokens.n_prompt
    return tokenizer.decode(ids[:n]), tokenizer.decode(ids[n:])


def test_prompt_and_completion_come_back_and_the_end_is_learned(plain):
    (tokens,), notes = tokenize(examples_of(("A cat. Tone:", " joy")), plain, max_length=64)
    assert halves(plain, tokens) == ("A cat. Tone:", " joy<|im_end|>")
    assert tokens.input_ids[-1] == plain.eos_token_id
    assert notes == []


def test_prompt_tokens_do_not_depend_on_the_completion(plain):
    pairs = [("The cat", " sat"), ("The cat", "s"), ("The cat", "\n\n")]
    tokens, _ = tokenize(examples_of(*pairs), plain, max_length=64)
    assert {tuple(t.input_ids[: t.n_prompt]) for t in tokens} == {
        tuple(prompt_ids("The cat", plain))
    }


def test_an_end_that_the_completion_brings_is_not_doubled(plain):
    (tokens,), _ = tokenize(examples_of(("Tone:", " joy<|im_end|>")), plain, max_length=64)
    assert tokens.input_ids.count(plain.eos_token_id) == 1


def test_a_start_token_that_the_model_expects_is_there_exactly_once(starting):
    bos = starting.bos_token_id
    tokens, _ = tokenize(
        examples_of(("Tone:", " joy"), ("<s>Tone:", " joy")), starting, max_length=64
    )
    assert tokens[0] == tokens[1]
    assert tokens[0].input_ids[0] == bos
    assert tokens[0].input_ids.count(bos) == 1
    assert prompt_ids("Tone:", starting) == starting("Tone:").input_ids


def test_blanks_at_the_end_of_a_prompt_are_as_in_training(plain):
    assert prompt_ids("Tone: ", plain) == prompt_ids("Tone:", plain)


def test_an_empty_prompt_is_refused_and_a_whole_text_lends_its_first_token(plain, starting):
    with pytest.raises(DataError, match="The prompt is empty"):
        prompt_ids("", plain)
    for tokenizer in (plain, starting):
        (tokens,), _ = tokenize(examples_of(("", "The cat")), tokenizer, max_length=64)
        assert tokens.n_prompt == 1


def test_a_chat_is_the_templates_text_cut_before_the_answer(plain):
    (tokens,), _ = tokenize([chat("Hello", "A cat")], plain, max_length=64)
    assert halves(plain, tokens) == (
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n",
        "A cat<|im_end|>",
    )
    asked = [{"role": "user", "content": "Hello"}]
    assert prompt_ids(asked, plain) == tokens.input_ids[: tokens.n_prompt]


def test_only_the_last_turn_of_a_longer_chat_is_learned(plain):
    (tokens,), _ = tokenize([chat("Hello", "A", "dog", "ran")], plain, max_length=64)
    assert halves(plain, tokens)[1] == "ran<|im_end|>"


def test_a_chat_template_without_an_end_of_turn_gets_the_end_token():
    bare = make_tokenizer(
        chat_template="{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    (tokens,), _ = tokenize([chat("Hello", "A cat")], bare, max_length=64)
    assert halves(bare, tokens)[1] == "A cat<|im_end|>"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (None, "this model has no chat template"),
        ("{{ messages | length }} {{ messages[-1].content }}", "writes the chat in row 7 diff"),
        ("{{ raise_exception('roles must alternate') }}", "roles user: roles must alternate"),
    ],
)
def test_a_chat_that_the_template_cannot_write_is_refused(template, words):
    with pytest.raises(DataError) as caught:
        tokenize([chat("Hello", "A", row=7)], make_tokenizer(chat_template=template), max_length=64)
    assert words in str(caught.value)


def test_a_tokenizer_without_an_end_token_is_refused():
    with pytest.raises(DataError, match="no end token"):
        tokenize(examples_of(("a", "b")), make_tokenizer(eos=None), max_length=64)


def long_rows(tokenizer):
    rows = examples_of(("cat " * 30 + "Tone:", " joy"), ("dog Tone:", " fear"))
    whole, _ = tokenize(rows, tokenizer, max_length=512)
    return rows, whole


@pytest.mark.parametrize("bos", [False, True])
def test_a_long_row_loses_the_start_of_its_prompt_and_this_is_counted(bos):
    tokenizer = make_tokenizer(bos=bos)
    rows, whole = long_rows(tokenizer)
    length = len(whole[0].input_ids)
    cut, notes = tokenize(rows, tokenizer, max_length=length - 9)
    assert notes == [
        f"1 of 2 rows are longer than max_length {length - 9}: 9 prompt tokens were cut from "
        "their start."
    ]
    start = whole[0].input_ids[:bos]
    assert cut[0].input_ids == start + whole[0].input_ids[bos + 9 :]
    assert cut[0].n_prompt == whole[0].n_prompt - 9
    assert cut[1] == whole[1]


def test_the_last_marker_and_the_completion_are_never_cut(plain):
    rows, whole = long_rows(plain)
    target = len(whole[0].input_ids) - whole[0].n_prompt
    marker = len(plain(" Tone:").input_ids)
    tokens, _ = tokenize(rows, plain, max_length=max(marker + target, len(whole[1].input_ids)))
    assert halves(plain, tokens[0])[0].endswith(" Tone:")
    with pytest.raises(DataError) as caught:
        tokenize(rows, plain, max_length=marker + target - 1)
    assert "completion of row 1" in str(caught.value)
    assert f"max_length: {max(marker + len(w.input_ids) - w.n_prompt for w in whole)}" in str(
        caught.value
    )


def test_a_completion_that_would_be_lost_is_refused_with_the_length_it_needs(plain):
    rows = examples_of(("a", "b"), ("c", "cat " * 40))
    whole, _ = tokenize(rows, plain, max_length=512)
    need = len(whole[1].input_ids)
    with pytest.raises(DataError) as caught:
        tokenize(rows, plain, max_length=need - 1)
    assert f"completion of row 2 ({need - 1} tokens)" in str(caught.value)
    assert f"Set max_length: {need} or more" in str(caught.value)
    assert tokenize(rows, plain, max_length=need) == (whole, [])


def test_tokens_of_another_model_in_a_template_are_said(plain):
    rows = examples_of(("<|im_start|>user<|eot_id|>", "joy"))
    _, notes = tokenize(rows, plain, max_length=64)
    assert notes == ["Plain text to this model, not one token each: <|eot_id|>."]


def test_lengths_are_described_in_tokens(plain):
    rows = examples_of(*[("a" * n, "b") for n in range(1, 101)])
    tokens, _ = tokenize(rows, plain, max_length=512)
    lengths = sorted(len(t.input_ids) for t in tokens)
    described = describe(tokens)
    assert (described["rows"], described["target_tokens"]) == (100, 200)
    assert described["tokens"] == sum(lengths)
    assert [described[key] for key in ("p50", "p90", "p99", "longest")] == [
        lengths[49],
        lengths[89],
        lengths[98],
        lengths[99],
    ]
    assert describe([])["rows"] == 0


@pytest.mark.model
def test_the_real_tokenizer_gives_the_text_back_and_labels_in_one_piece():
    from transformers import AutoTokenizer

    from labkit.catalog import resolve_model

    tokenizer = AutoTokenizer.from_pretrained(resolve_model("smollm2-135m"))
    splits = load(FinetuneSpec())
    tokens, notes = tokenize(splits.train, tokenizer, max_length=512)
    assert notes == []
    for example, row in zip(splits.train, tokens, strict=True):
        assert halves(tokenizer, row) == (example.prompt, example.completion + "<|im_end|>")
        assert len(row.input_ids) - row.n_prompt == 2
    pieces = {tokenizer.convert_ids_to_tokens(row.input_ids[-2]) for row in tokens}
    assert pieces == {"Ġ" + label for label in splits.labels}
