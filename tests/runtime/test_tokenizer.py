"""The tokenizer that needs no Transformers reads and writes as that of Transformers does."""

import json

import numpy as np
import pytest

from labkit.data.prompts import start_ids
from labkit.errors import DataError, ExportError
from labkit.runtime import TextTokenizer
from labkit.runtime.text import pieces

TEXTS = [
    "",
    "a",
    "Hello, world! don't",
    "  leading and trailing  ",
    "two\n\nlines\r\n\ttabs",
    "emoji 👩‍👩‍👧 🇩🇪",
    "漢字かな 한국어 naïve ﬁ",
    "<bos>as text<eos> <tool>x</tool>",
    "12345 3.14",
]
TEMPLATE = """\
{%- if messages[0]['role'] == 'system' %}
    {{- bos_token + messages[0]['content'] | tojson }}
    {%- set messages = messages[1:] %}
{%- endif %}
{% for message in messages %}
    {% if message['role'] not in ['user', 'assistant'] %}
        {{ raise_exception('Unknown role ' + message['role']) }}
    {% endif %}
    {% if message['content'] == 'skip' %}{% continue %}{% endif %}
<|{{ message['role'] }}|>
    {% generation %}
{{ message['content'] | trim }}{{ eos_token }}
    {% endgeneration %}
{% endfor %}
{% if add_generation_prompt %}<|assistant|>
{% endif %}"""
CHATS = [
    [{"role": "user", "content": " <Hi> & 'you' "}],
    [{"role": "system", "content": 'Bé "kind" <b>\n'}, {"role": "user", "content": "ok"}],
    [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two", "tool_calls": None},
        {"role": "user", "content": "skip"},
        {"role": "user", "content": "three"},
    ],
]


def byte_level():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<unk>", "<bos>", "<eos>", "<pad>"],
        initial_alphabet=alphabet, show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(["the cat and the dog", "hello world"] * 3, trainer)
    return made


def sentence_piece():
    """As Llama 2 and Gemma have it: blanks are letters, what is unknown falls back to bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz,.!<>"]
    joined = ["▁h", "el", "lo", "▁hel"]
    vocab = ["<unk>", "<bos>", "<eos>", "<pad>", *(f"<0x{i:02X}>" for i in range(256))]
    vocab = {token: i for i, token in enumerate([*vocab, *letters, *joined])}
    merges = [("▁", "h"), ("e", "l"), ("l", "o"), ("▁h", "el")]
    made = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return made


def with_bos(made):
    from tokenizers.processors import TemplateProcessing

    made.post_processor = TemplateProcessing("<bos> $A", "<bos> $A <bos> $B", [("<bos>", 1)])
    return made


def with_added(made):
    from tokenizers import AddedToken

    made.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("</tool>", lstrip=True)])
    made.add_special_tokens(["<|turn|>"])
    return made


MAKERS = {
    "byte level": byte_level,
    "byte level with a start token": lambda: with_bos(byte_level()),
    "byte level with added tokens": lambda: with_added(byte_level()),
    "sentence piece": sentence_piece,
    "sentence piece with a start token": lambda: with_bos(with_added(sentence_piece())),
}


@pytest.fixture(scope="module", params=MAKERS)
def both(request, tmp_path_factory):
    """A tokenizer's folder, opened by Transformers and by labkit."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(
        tokenizer_object=MAKERS[request.param](), bos_token="<bos>", eos_token="<eos>",
        unk_token="<unk>", pad_token="<pad>", chat_template=TEMPLATE, model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    return AutoTokenizer.from_pretrained(folder), TextTokenizer(folder)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("special", [True, False])
def test_text_becomes_the_token_ids_of_transformers(both, text, special):
    theirs, ours = both
    wanted = theirs(text, add_special_tokens=special)["input_ids"]
    assert ours.encode(text, add_special_tokens=special) == wanted


def test_a_long_text_is_not_cut(both):
    _, ours = both
    assert len(ours.encode("a" * 5000 + "b" * 5000)) > 64


def test_token_ids_become_the_text_of_transformers_whole_and_in_pieces(both):
    theirs, ours = both
    draw = np.random.default_rng(0)
    rows = [theirs(text)["input_ids"] for text in TEXTS]
    rows += [draw.integers(0, len(theirs), 15).tolist() for _ in range(30)]
    for ids in rows:
        wanted = theirs.decode(ids, skip_special_tokens=True)
        assert ours.decode(ids) == wanted
        if "\ufffd" not in wanted:
            assert "".join(pieces(ours.decode, ids)) == wanted


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("asks", [True, False])
def test_a_chat_becomes_the_token_ids_of_transformers(both, chat, asks):
    theirs, ours = both
    text = theirs.apply_chat_template(chat, tokenize=False, add_generation_prompt=asks)
    assert ours.apply_chat_template(chat, add_generation_prompt=asks) == text
    wanted = theirs(text, add_special_tokens=False)["input_ids"]
    assert ours.chat(chat, add_generation_prompt=asks) == wanted


def test_start_and_end_tokens_are_those_of_transformers(both):
    theirs, ours = both
    assert ours.start_ids == start_ids(theirs)
    assert (ours.bos_id, ours.eos_id) == (theirs.bos_token_id, theirs.eos_token_id) == (1, 2)
    assert ours.eos_ids == {2}


def saved(folder, **files):
    byte_level().save(str(folder / "tokenizer.json"))
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return TextTokenizer(folder)


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        ({}, set()),
        ({"tokenizer_config": {"eos_token": {"content": "<eos>"}}}, {2}),
        ({"special_tokens_map": {"eos_token": "<eos>"}}, {2}),
        ({"generation_config": {"eos_token_id": [1, 106]}}, {1, 106}),
        ({"genai_config": {"model": {"eos_token_id": 7}}}, {7}),
        (
            {
                "tokenizer_config": {"eos_token": "<eos>"},
                "generation_config": {"eos_token_id": None},
                "genai_config": {"model": {"eos_token_id": [7, 8]}},
            },
            {2, 7, 8},
        ),
    ],
)
def test_an_answer_ends_at_every_end_token_that_the_folder_names(tmp_path, files, ends):
    assert saved(tmp_path, **files).eos_ids == ends


def test_a_template_in_the_configuration_serves_where_there_is_no_file_of_its_own(tmp_path):
    named = [{"name": "tools", "template": "T"}, {"name": "default", "template": "D"}]
    assert saved(tmp_path, tokenizer_config={"chat_template": named}).chat_template == "D"
    (tmp_path / "chat_template.jinja").write_text("F")
    assert TextTokenizer(tmp_path).chat_template == "F"


def test_a_template_writes_the_date_and_cannot_reach_out_of_its_sandbox(tmp_path):
    from datetime import datetime

    ours = saved(tmp_path, tokenizer_config={"chat_template": "{{ strftime_now('%Y') }}"})
    assert ours.apply_chat_template([]) == str(datetime.now().year)
    for escape in ("{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}"):
        ours.chat_template = escape
        with pytest.raises(DataError, match="chat template refuses"):
            ours.chat([{"role": "user", "content": "x"}])


def test_a_chat_that_cannot_be_written_is_refused(tmp_path):
    ours = saved(tmp_path)
    with pytest.raises(DataError, match="no chat template"):
        ours.chat([{"role": "user", "content": "x"}])
    with pytest.raises(DataError, match="at least one turn; got 0"):
        ours.chat([])
    ours.chat_template = TEMPLATE
    with pytest.raises(DataError, match="roles alien: Unknown role alien"):
        ours.chat([{"role": "alien", "content": "x"}])


def test_a_folder_without_a_whole_tokenizer_is_refused(tmp_path):
    with pytest.raises(ExportError, match=r"holds no tokenizer\.json"):
        TextTokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ExportError, match=r"tokenizer\.json cannot be read"):
        TextTokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(ExportError, match=r"tokenizer_config\.json cannot be read"):
        TextTokenizer(tmp_path)


@pytest.mark.model
def test_a_real_tokenizer_is_read_as_by_transformers():
    from transformers import AutoTokenizer

    from labkit.catalog import resolve_model

    folder = resolve_model("smollm2-135m")
    theirs, ours = AutoTokenizer.from_pretrained(folder), TextTokenizer(folder)
    for text in TEXTS:
        ids = theirs(text, add_special_tokens=False)["input_ids"]
        assert ours.encode(text) == ids
        assert ours.encode(text, add_special_tokens=True) == theirs(text)["input_ids"]
        assert "".join(pieces(ours.decode, ids)) == theirs.decode(ids, skip_special_tokens=True)
    chat = [{"role": "user", "content": "Hé! <b>"}, {"role": "assistant", "content": "ok"}]
    for asked in (chat, chat[:1]) if theirs.chat_template else ():
        text = theirs.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        assert ours.apply_chat_template(asked, add_generation_prompt=True) == text
    assert ours.start_ids == start_ids(theirs)
