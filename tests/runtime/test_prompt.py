"""A run's prompt, put from what lies beside its export, is the one it was trained on."""

import json

import pytest

from labkit.data import load, prompt_ids, tokenize
from labkit.errors import DataError
from labkit.runtime import PromptForm, TextTokenizer, prompt_section
from labkit.runtime import prompt as runtime_prompt
from labkit.spec import FinetuneSpec

CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}\n{% endfor %}" \
    "{% if add_generation_prompt %}<assistant>{% endif %}"  # fmt: skip
ROWS = [
    {"q": "Why?", "topic": "sky", "a": "blue"},
    {"q": "When?", "topic": "rain", "a": "soon"},
    {"q": "Where?", "topic": "sea", "a": "here"},
    {"q": "Who?", "topic": "wind", "a": "us"},
]
TEMPLATES = [
    {"text_template": "Q: {q}\nA: {a}"},
    {"text_template": "Literal {{braces}} {q} ->{a}"},
    {"prompt_template": "On {topic}: {q} ", "completion_template": "{a}"},
    {"prompt_template": "{q}\n", "completion_template": "= {a} ({topic})"},
]


@pytest.fixture(scope="module", params=[False, True], ids=["no start token", "start token"])
def tokenizers(request, tiny_model, tmp_path_factory):
    """The tiny model's tokenizer, with a chat template, in Transformers and in labkit."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(tiny_model)
    made.chat_template = CHAT
    if request.param:
        made.backend_tokenizer.post_processor = TemplateProcessing(
            "<bos> $A", special_tokens=[("<bos>", made.bos_token_id)]
        )
    folder = tmp_path_factory.mktemp("tokenizer")
    made.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder), TextTokenizer(folder)


def form_of(settings, **facts):
    """Return the form as it comes back from a file."""
    return PromptForm.of(json.loads(json.dumps(prompt_section(settings, **facts))))


def trained(rows, tmp_path, tokenizer, **templates):
    """Return the settings of a run on these rows, and the prompts and targets it learned, ids."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = FinetuneSpec(data=str(file), task="generation", **templates)
    splits = load(spec)
    every = sorted((*splits.train, *splits.validation), key=lambda example: example.row)
    tokens, _ = tokenize(every, tokenizer, max_length=256)
    return spec, [(t.input_ids[: t.n_prompt], t.input_ids[t.n_prompt :]) for t in tokens]


@pytest.mark.parametrize("templates", TEMPLATES)
def test_a_template_asks_with_the_token_ids_that_were_trained(tokenizers, tmp_path, templates):
    theirs, ours = tokenizers
    spec, wanted = trained(ROWS, tmp_path, theirs, **templates)
    form = form_of(spec)
    for row, (prompt, _) in zip(ROWS, wanted, strict=True):
        assert runtime_prompt.prompt_ids(form.filled(row), ours) == prompt
        assert prompt_ids(form.filled(row), theirs) == prompt


def test_a_label_is_written_as_the_rows_write_it(tokenizers, tmp_path):
    theirs, ours = tokenizers
    for templates in TEMPLATES[:3]:
        spec, wanted = trained(ROWS, tmp_path, theirs, **templates)
        form = form_of(spec)
        for row, (_, target) in zip(ROWS, wanted, strict=True):
            assert [*ours.encode(form.completion(row, row["a"])), theirs.eos_token_id] == target


def test_a_template_with_one_place_takes_a_text_alone():
    form = form_of(FinetuneSpec(data="x.csv", text_template="Q: {q}\nA: {a}"))
    assert form.filled("Why?") == "Q: Why?\nA:"
    assert form.filled("Why?", raw=True) == "Why?"
    assert form.completion("Why?", "joy") == " joy"
    assert form.completion("Mood: ", "joy", raw=True) == " joy"


def test_rows_that_are_chats_are_asked_as_chats(tokenizers, tmp_path):
    theirs, ours = tokenizers
    rows = [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}
        for q, a in (("hi", "ho"), ("one", "two"), ("a", "b"), ("x ", "y"))
    ]
    spec, wanted = trained(rows, tmp_path, theirs)
    form = form_of(spec, chat=True)
    for row, (prompt, target) in zip(rows, wanted, strict=True):
        text = row["messages"][0]["content"]
        assert runtime_prompt.prompt_ids(form.filled(text), ours) == prompt
        assert runtime_prompt.prompt_ids(form.filled(row["messages"][:1]), ours) == prompt
        label = row["messages"][1]["content"]
        assert [*ours.encode(form.completion(text, label)), theirs.eos_token_id] == target


def test_a_base_model_is_asked_in_chat_and_plain_text_stays_as_it_is(tokenizers):
    theirs, ours = tokenizers
    turns = [{"role": "user", "content": "hi"}]
    assert form_of(None).filled("hi") == turns
    assert form_of(None).filled("hi", raw=True) == "hi"
    plain = form_of(FinetuneSpec(data="x.csv"))
    for text in ("the cat", " two  ", "a\n", "<bos>the"):
        found = runtime_prompt.prompt_ids(plain.filled(text), ours)
        assert found == prompt_ids(text, theirs)
    assert runtime_prompt.prompt_ids(turns, ours) == prompt_ids(turns, theirs)


def test_the_template_of_a_data_set_of_the_catalogue_is_kept():
    form = form_of(FinetuneSpec(data="phrases"))
    assert form.form == "template"
    assert "good day" in form.filled("good day") != "good day"


def test_a_prompt_that_does_not_fit_is_refused(tokenizers):
    _, ours = tokenizers
    two = form_of(FinetuneSpec(data="x.csv", text_template="{a} {b}: {c}"))
    assert two.filled({"a": "x", "b": "y"}) == "x y:"
    with pytest.raises(DataError, match=r"The prompt has 2 places \(a, b\); got one text"):
        two.filled("x")
    with pytest.raises(DataError, match="The prompt needs a text for 'b'; got a"):
        two.filled({"a": "x"})
    with pytest.raises(DataError, match="The prompt needs a text for 'prompt'; got q"):
        form_of(FinetuneSpec(data="x.csv")).filled({"q": "x"})
    if not ours.start_ids:
        with pytest.raises(DataError, match="The prompt is empty"):
            runtime_prompt.prompt_ids("  ", ours)
