"""The data before training: every number is known; what a run refuses is reported, not raised."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from labkit.data import load, tokenize
from labkit.data.quality import inspect_data
from labkit.errors import DataError, SpecError
from labkit.spec import FinetuneSpec

TEMPLATE = "### Phrase: {phrase}\n### Tone: {tone}"


def rows(n, tone="joy", start=0):
    """Return rows whose phrases have nothing in common."""
    texts = [sha256(str(start + i).encode()).hexdigest()[:24] for i in range(n)]
    return [{"phrase": f"{text[:12]} {text[12:]}", "tone": tone} for text in texts]


@pytest.fixture
def write(tmp_path):
    """A function that writes splits of rows and returns the spec that names them."""

    def write(model="gemma3-270m", **splits):
        for name, part in splits.items():
            lines = "".join(json.dumps(row) + "\n" for row in part)
            (tmp_path / f"{name}.jsonl").write_text(lines)
        return FinetuneSpec(model=model, data=str(tmp_path), text_template=TEMPLATE)

    return write


@pytest.fixture(autouse=True)
def no_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def balanced(n=60, start=0):
    return rows(n, "joy", start) + rows(n, "fear", start + n)


def about(quality, topic):
    return [finding for finding in quality.findings if finding.about == topic]


def test_good_rows_give_no_finding_but_that_lengths_are_in_words(write):
    quality = inspect_data(write(train=balanced(), test=balanced(25, 200)))
    assert quality.refusal is None
    assert [finding.about for finding in quality.findings] == ["length"]
    assert quality.lengths.unit == "words"
    assert "labkit models --fetch gemma3-270m" in quality.lengths.how
    assert quality.sizes == {"train": 102, "validation": 18, "test": 50}


def test_exact_duplicates_are_counted_in_a_split_and_across_splits(write):
    train, test = balanced(), balanced(15, 200)
    train += [train[0], train[0], {**train[1], "tone": "fear"}]
    test += [train[4]]
    quality = inspect_data(write(train=train, validation=balanced(9, 300), test=test))
    within = quality.twins.within["train"]
    assert [(pair.one.row, pair.other.row) for pair in within] == [(1, 121), (1, 122)]
    (pair,) = quality.twins.across["train", "test"]
    assert (pair.one, pair.other) == (("train", 5), ("test", 31))
    (pair,) = quality.twins.contradictions
    assert (pair.one.row, pair.other.row) == (2, 123)
    leak = about(quality, "duplicates")[0]
    assert leak.severity == "stop"
    assert "1 row of test has a prompt that stands in train too" in leak.sentence
    assert "Row 5 of train and row 31 of test" in quality.refusal.problem


def test_labels_are_counted_and_guessing_the_most_frequent_is_priced(write):
    train = rows(70, "joy") + rows(28, "fear", 100) + rows(2, "Joy ", 200)
    test = rows(8, "joy", 300) + rows(2, "fear", 320)
    quality = inspect_data(write(train=train, validation=rows(10, "joy", 400), test=test))
    balance = quality.balance
    assert balance.counts["train"] == {"Joy": 2, "fear": 28, "joy": 70}
    assert (balance.majority, balance.majority_rate) == ("joy", 0.8)
    assert balance.missing == {"validation": ("Joy", "fear"), "test": ("Joy",)}
    said = " ".join(finding.sentence for finding in about(quality, "labels"))
    assert "Always guessing 'joy' would be right in 80.0 % of the held-out rows" in said
    assert "Fewer than 8 training rows have the label Joy: 2" in said
    assert "differ only in case or blanks: 'Joy' and 'joy'" in said


def test_rows_that_break_the_template_are_named(write):
    train = balanced()
    train[2]["phrase"] = None
    train[5]["phrase"] = "   "
    train[7]["tone"] = ""
    del train[8]["tone"]
    train[9]["phrase"] = "he wrote ### Tone: fear"
    train[10]["phrase"] += " "
    train[11]["phrase"] = "caf\u00c3\u00a9 closed"
    quality = inspect_data(write(train=train))
    (unusable,) = about(quality, "rows")
    assert [place.row for place in unusable.places] == [3, 6, 8, 9]
    assert unusable.sentence.startswith("4 rows cannot be used: rows 3, 6, 8 and 9 of train.jsonl.")
    assert [f.places for f in about(quality, "markers")] == [(("train.jsonl", 10),)]
    assert [f.places for f in about(quality, "blanks")] == [(("train.jsonl", 11),)]
    assert [f.places for f in about(quality, "letters")] == [(("train.jsonl", 12),)]
    assert sum(quality.sizes.values()) == 116
    assert "'phrase' is empty in row 3" in quality.refusal.problem


def test_a_place_that_may_be_empty_is_reported_in_rows_that_can_be_used(tmp_path):
    lines = [f"{'' if i in (3, 5) else i},topic {chr(97 + i) * 4},a{i}" for i in range(20)]
    (tmp_path / "a.csv").write_text("more,topic,answer\n" + "\n".join(lines))
    spec = FinetuneSpec(data="a.csv", text_template="T: {topic}\nM: {more}\nA: {answer}")
    quality = inspect_data(spec, base=tmp_path)
    (empty,) = about(quality, "empty")
    assert "'more' is empty in 2 rows: rows 4 and 6 of a.csv" in empty.sentence
    assert quality.refusal is None


def test_a_row_that_cannot_be_used_is_named_once(write):
    train = balanced()
    train[2]["phrase"] = None
    assert about(inspect_data(write(train=train)), "empty") == []


def test_the_first_of_several_twins_is_named(write):
    train = balanced()
    train[6] = train[3]
    quality = inspect_data(write(train=train, test=[train[3], *balanced(20, 200)]))
    (pair,) = quality.twins.across["train", "test"]
    assert pair.one == ("train", 4)


def test_what_is_inspected_is_the_data_and_not_its_copies(write):
    spec = write(train=balanced(), test=balanced(25, 200))
    augmented = replace(spec, augment=("swap_letters",), augment_copies=2)
    assert inspect_data(augmented).sizes == inspect_data(spec).sizes


def test_a_column_of_two_kinds_is_reported(write):
    train = balanced()
    train[4]["phrase"] = 12
    quality = inspect_data(write(train=train))
    assert "'phrase' holds text, but row 5 of train.jsonl has a number" in quality.refusal.problem
    assert [finding.severity for finding in about(quality, "kinds")] == ["stop"]


def test_a_file_that_cannot_be_read_is_reported_and_one_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": \n')
    quality = inspect_data(FinetuneSpec(data="a.jsonl"), base=tmp_path)
    assert "Row 2 of a.jsonl is not JSON" in quality.refusal.problem
    assert (quality.sizes, quality.findings) == ({}, ())
    with pytest.raises(DataError, match="no data set and no file"):
        inspect_data(FinetuneSpec(data="b.jsonl"), base=tmp_path)
    with pytest.raises(SpecError, match="split must look like"):
        inspect_data(FinetuneSpec(split="train[x]"))


def test_few_held_out_rows_bring_advice(write):
    kept = rows(2, "joy", 300) + rows(2, "fear", 310)
    quality = inspect_data(write(train=balanced(), validation=kept))
    said = [finding.sentence for finding in about(quality, "splits")]
    assert said[0] == "Only 4 rows (3.2 %) are kept out of training."
    assert "± 49 points" in said[1]


def test_the_embedded_phrases_have_nothing_to_look_at():
    quality = inspect_data(FinetuneSpec())
    assert [finding for finding in quality.findings if finding.severity != "hint"] == []
    assert quality.balance.majority_rate == pytest.approx(1 / 6)
    assert (quality.near, quality.personal) == ({}, ())


def test_lengths_are_those_of_the_runs_own_tokens(tiny_model, words):
    from transformers import AutoTokenizer

    template = "word: {text}\nkind: {kind}"
    spec = FinetuneSpec(model=str(tiny_model), data=str(words), text_template=template)
    splits, tokenizer = load(spec), AutoTokenizer.from_pretrained(tiny_model)
    train, kept = (
        [len(row.input_ids) for row in tokenize(part, tokenizer, max_length=512)[0]]
        for part in (splits.train, splits.validation)
    )
    longest = max(train) - 1
    lengths = inspect_data(replace(spec, max_length=longest)).lengths
    assert lengths.unit == "tokens"
    assert lengths.splits == {"train": tuple(train), "validation": tuple(kept)}
    over = [n - longest for n in train + kept if n > longest]
    assert (len(lengths.too_long), lengths.n_lost) == (len(over), sum(over))
    assert len(over) > 0
    assert lengths.refusal is None


def test_a_completion_that_does_not_fit_is_reported_as_the_run_would(tiny_model, tmp_path):
    lines = [f"{i},{'blue ' * 9}" for i in range(9)]
    (tmp_path / "a.csv").write_text("prompt,completion\n" + "\n".join(lines))
    spec = FinetuneSpec(model=str(tiny_model), data="a.csv", max_length=8)
    quality = inspect_data(spec, base=tmp_path)
    first = about(quality, "length")[0]
    assert first.severity == "stop"
    assert "does not fit into max_length 8 with the end of its prompt" in first.sentence


CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture
def chat_model(tiny_model, tmp_path):
    """The tiny model's tokenizer with a chat template."""
    folder = tmp_path / "chat"
    folder.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        (folder / file).write_bytes((tiny_model / file).read_bytes())
    (folder / "chat_template.jinja").write_text(CHATML)
    return folder


@pytest.fixture
def chats(tmp_path):
    turns = [
        [{"role": "user", "content": f"the cat {i} {chr(97 + i) * 5}"},
         {"role": "assistant", "content": f"a dog {i}"}]
        for i in range(20)
    ]  # fmt: skip
    file = tmp_path / "chats.jsonl"
    file.write_text("".join(json.dumps({"messages": m}) + "\n" for m in turns))
    return file


def test_chats_are_measured_with_the_models_chat_template(chat_model, chats):
    from transformers import AutoTokenizer

    spec = FinetuneSpec(model=str(chat_model), data=str(chats))
    tokens, _ = tokenize(
        load(spec).train, AutoTokenizer.from_pretrained(chat_model), max_length=500
    )
    quality = inspect_data(spec)
    assert quality.lengths.splits["train"] == tuple(len(row.input_ids) for row in tokens)
    assert about(quality, "chat") == []


def test_chats_need_a_chat_model_and_a_chat_model_would_like_chats(
    chat_model, chats, tiny_model, words
):
    (missing,) = about(inspect_data(FinetuneSpec(model=str(tiny_model), data=str(chats))), "chat")
    assert "has no chat template" in missing.sentence
    plain = FinetuneSpec(model=str(chat_model), data=str(words), text_template="{text} is {kind}")
    (hint,) = about(inspect_data(plain), "chat")
    assert (hint.severity, "without its chat template" in hint.sentence) == ("hint", True)
    foreign = replace(plain, text_template="[INST] {text} [/INST]{kind}")
    (hint,) = about(inspect_data(foreign), "chat")
    assert "writes [INST] and [/INST]" in hint.sentence
