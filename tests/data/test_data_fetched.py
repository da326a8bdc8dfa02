"""The data sets made from wheels keep what their cards promise: sizes, splits, no leak."""

import json
import re
from collections import Counter
from itertools import combinations

import pytest

from labkit.catalog import data_entry, data_files
from labkit.data import load, tokenize
from labkit.spec import FinetuneSpec

pytestmark = pytest.mark.model

NAMES = ("intents", "slots", "summaries")
SIZES = {
    "intents": {"train": 1200, "validation": 155, "test": 297},
    "slots": {"train": 800, "validation": 98, "test": 160},
    "summaries": {"train": 222, "validation": 36, "test": 72},
}
TASKS = {"intents": "classification", "slots": "extraction", "summaries": "summarisation"}
APART = {"intents": "template", "slots": "template", "summaries": "paper"}


@pytest.fixture(scope="module")
def rows():
    """Data set → split → its rows."""
    return {
        name: {
            split: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for split, path in data_files(data_entry(name)).items()
        }
        for name in NAMES
    }


def shared(splits, keys_of):
    """What `keys_of(row)` gives in more than one split."""
    keys = [{key for row in part for key in keys_of(row)} for part in splits.values()]
    return set().union(*(a & b for a, b in combinations(keys, 2)))


@pytest.mark.parametrize("name", NAMES)
def test_the_splits_have_their_sizes_and_the_data_set_its_task(name, rows):
    assert {split: len(part) for split, part in rows[name].items()} == SIZES[name]
    splits = load(FinetuneSpec(data=name, group_by=APART[name]))  # refuses prompts on two sides
    assert splits.task == TASKS[name]
    assert {s: len(getattr(splits, s)) for s in SIZES[name]} == SIZES[name]


@pytest.mark.parametrize("name", NAMES)
def test_no_template_and_no_paper_is_on_two_sides(name, rows):
    assert shared(rows[name], lambda row: [row[APART[name]]]) == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_prompt_stands_twice(name):
    splits = load(FinetuneSpec(data=name))
    prompts = [e.prompt for part in (splits.train, splits.validation, splits.test) for e in part]
    assert len(set(prompts)) == len(prompts)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_has_the_columns_of_the_catalogue_and_clean_text(name, rows):
    for row in (row for part in rows[name].values() for row in part):
        assert tuple(row) == data_entry(name).columns
        texts = [text for column, text in row.items() if column != "template"]
        assert all(text == " ".join(text.split()) and text for text in texts)


def test_the_intents_are_20_in_equal_parts(rows):
    for split, most in (("train", 60), ("validation", 8), ("test", 15)):
        found = Counter(row["intent"] for row in rows["intents"][split])
        assert len(found) == 20
        assert max(found.values()) == most
    assert set(Counter(row["intent"] for row in rows["intents"]["train"]).values()) == {60}


def test_intents_and_slots_are_split_alike(rows):
    sides = {row["template"]: split for split, part in rows["intents"].items() for row in part}
    for split, part in rows["slots"].items():
        assert {sides.get(row["template"], split) for row in part} == {split}


def test_a_command_is_json_with_its_intent_first_and_numbers_that_were_said(rows):
    said = 0
    for row in (row for part in rows["slots"].values() for row in part):
        command = json.loads(row["command"])
        assert next(iter(command)) == "intent"
        for slot in ("hours", "start_hours", "percentage", "volume_level"):
            if slot in command:
                said += 1
                assert re.search(rf"\b{command[slot]}\b", row["utterance"])
    assert said > 150


def test_words_from_a_list_mean_what_the_source_says(rows):
    means = {
        "maximum brightness": ("brightness", 100),
        "cool white": ("temperature", 4000),
        "automatic": ("fan_mode", "auto"),
        "half an hour": ("minutes", 30),
    }
    found = set()
    for row in (row for part in rows["slots"].values() for row in part):
        for words, (slot, value) in means.items():
            if words in row["utterance"]:
                assert json.loads(row["command"])[slot] == value
                found.add(words)
    assert len(found) >= 3


def test_a_paper_has_three_aspects_and_an_abstract_of_its_own(rows):
    for part in rows["summaries"].values():
        aspects = {}
        for row in part:
            aspects.setdefault(row["paper"], []).append(row["aspect"])
        assert {tuple(three) for three in aspects.values()} == {
            ("challenge", "approach", "outcome")
        }


def eight_words(row):
    words = re.findall(r"\w+", row["abstract"].lower())
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}


def test_abstracts_of_two_sides_share_no_eight_words_but_a_phrase_on_code(rows):
    phrase = ("the", "code", "is", "available", "at", "https", "github", "com")
    assert shared(rows["summaries"], eight_words) <= {phrase}


def test_every_row_fits_the_default_length_uncut():
    from transformers import AutoTokenizer

    from labkit.catalog import resolve_model

    tokenizer = AutoTokenizer.from_pretrained(resolve_model("smollm2-135m"))
    for name, longest in (("intents", 42), ("slots", 79), ("summaries", 356)):
        splits = load(FinetuneSpec(data=name))
        parts = (splits.train, splits.validation, splits.test)
        tokens = [row for part in parts for row in tokenize(part, tokenizer, max_length=512)[0]]
        assert max(len(row.input_ids) for row in tokens) == longest
