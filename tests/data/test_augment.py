"""Changed copies of training rows: what changes, what never does, what is left out."""

import json
from collections import Counter
from random import Random

import pytest

from labkit.data import load
from labkit.data.augment import AUGMENTATIONS, augmented
from labkit.data.changes import (
    change_case,
    drop_punctuation,
    drop_words,
    repeat_punctuation,
    swap_letters,
    swap_words,
    typos,
)
from labkit.data.examples import Example
from labkit.errors import DataError, SpecError
from labkit.spec import FinetuneSpec

TEXT = "We did it, after nine long years: the bridge is open! Come and see it with your own eyes."
SEEDS = range(50)


def words_of(text):
    return Counter(text.split())


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_change_changes_the_text_and_depends_on_the_seed_alone(name):
    change = AUGMENTATIONS[name]
    for seed in SEEDS:
        assert change(TEXT, Random(seed)) == change(TEXT, Random(seed)) != TEXT
    assert change("", Random(0)) == ""


def test_swapping_keeps_all_words_and_dropping_takes_one_in_ten():
    for seed in SEEDS:
        swapped, dropped = swap_words(TEXT, Random(seed)), drop_words(TEXT, Random(seed))
        assert words_of(swapped) == words_of(TEXT)
        lost = words_of(TEXT) - words_of(dropped)
        assert sum(lost.values()) == 2  # of 19
        assert words_of(dropped) + lost == words_of(TEXT)
    assert drop_words("Help!", Random(0)) == swap_words("Help!", Random(0)) == "Help!"


def test_a_typo_is_a_key_beside_the_right_one():
    beside = {"a": "qwsz", "g": "ftyhbv", "m": "njk", "p": "ol", "Q": "WA"}
    for letter, near in beside.items():
        assert {typos(letter, Random(seed)) for seed in range(80)} == set(near)
    for seed in SEEDS:
        wrong = typos(TEXT, Random(seed))
        assert sum(a != b for a, b in zip(TEXT, wrong, strict=True)) == 2  # of 68 letters


def test_swapped_letters_are_neighbours_in_a_word():
    assert {swap_letters("ab cd", Random(seed)) for seed in SEEDS} == {"ba cd", "ab dc"}
    for seed in SEEDS:
        assert Counter(swap_letters(TEXT, Random(seed))) == Counter(TEXT)


def test_case_and_punctuation_leave_the_words():
    assert {change_case("It is", Random(seed)) for seed in SEEDS} == {"it is", "IT IS", "It Is"}
    assert drop_punctuation("Wait, 3.5 km? Oh!", Random(0)) == "Wait 3.5 km Oh"
    assert drop_punctuation("?!", Random(0)) == "?!"
    made = {repeat_punctuation("No! 3.5, yes", Random(seed)) for seed in SEEDS}
    assert made == {"No!! 3.5, yes", "No!!! 3.5, yes", "No! 3.5,, yes", "No! 3.5,,, yes"}


def test_the_phrase_changes_and_nothing_else():
    spec = FinetuneSpec(limit=60)
    plain = load(spec)
    more = load(FinetuneSpec(limit=60, augment=tuple(AUGMENTATIONS), augment_copies=4))
    assert more.train[:60] == plain.train
    assert (more.validation, more.test) == (plain.validation, plain.test)
    frame = (
        "Which tone has the phrase: joy, sadness, anger, fear, surprise or neutral?\n### Phrase: "
    )
    by_row = {example.row: example for example in plain.train}
    for copy in more.train[60:]:
        source = by_row[copy.row]
        assert copy.prompt == f"{frame}{copy.given}\n### Tone:"
        assert copy.given != source.given
        assert (copy.completion, copy.label) == (source.completion, source.label)
    made, left_out = len(more.train) - 60, 240 - (len(more.train) - 60)
    assert f"{made} changed copies of 60 training rows were added" in more.notes[-1]
    assert f"{left_out} more were like a row there is" in more.notes[-1]
    prompts = [e.prompt for e in (*more.train, *more.held_out)]
    assert len(set(prompts)) == len(prompts)


def test_equal_seeds_give_equal_copies_and_other_seeds_others():
    spec = FinetuneSpec(augment=("typos",), limit=40)
    assert load(spec).fingerprint == load(spec).fingerprint
    rows = load(FinetuneSpec(limit=40)).train
    one, again, other = (augmented(rows, ["typos"], 1, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert augmented(rows[:5], ["typos"], 1, 1)[5:] == one[40:45]  # whatever the other rows are


def test_the_place_is_found_where_the_template_has_the_same_words(tmp_path):
    lines = [f"Tone {c}" for c in "abcdefghij"]
    (tmp_path / "a.csv").write_text("t,y\n" + "\n".join(f"{x},y{i}" for i, x in enumerate(lines)))
    spec = FinetuneSpec(
        data="a.csv",
        text_template="Tone a or Tone b?\n{t}, {t}\nTone:{y}",
        augment=("change_case",),
    )
    splits = load(spec, base=tmp_path)
    copies = [example for example in splits.train if not example.given.startswith("Tone ")]
    assert copies
    for copy in copies:
        assert copy.prompt == f"Tone a or Tone b?\n{copy.given}, {copy.given}\nTone:"
        assert copy.given.upper() == copy.given or copy.given.lower() == copy.given or (
            copy.given.title() == copy.given
        )  # fmt: skip


def test_a_function_of_ones_own_works_and_must_return_text():
    rows = [Example(f"Q: row {i}\nA:", " yes", None, i, given=f"row {i}") for i in range(3)]
    made = augmented(rows, [lambda text, random: f"{text}, please"])
    assert [example.prompt for example in made[3:]] == [f"Q: row {i}, please\nA:" for i in range(3)]

    def broken(text, random):
        return None

    with pytest.raises(DataError, match="broken must return text; it returned None for row 0"):
        augmented(rows, [broken])


def test_copies_that_repeat_a_row_or_a_held_out_prompt_are_left_out():
    rows = [Example(f"{x}:", " yes", None, i, None, x, (0,)) for i, x in enumerate(["a b", "b a"])]
    assert augmented(rows, ["swap_words"]) == rows
    alone = augmented(rows[:1], ["swap_words"])
    assert [example.prompt for example in alone] == ["a b:", "b a:"]
    assert augmented(rows[:1], ["swap_words"], avoid=["b a:"]) == rows[:1]


def test_a_run_makes_no_copy_that_is_a_held_out_row(tmp_path):
    train = "".join(f"{x} {x}{x},y\n" for x in "abcdefgh")
    (tmp_path / "train.csv").write_text("prompt,completion\n" + train)
    (tmp_path / "test.csv").write_text("prompt,completion\naa a,y\nbb b,y\n")
    spec = FinetuneSpec(data=str(tmp_path), augment=("swap_words",), task="generation")
    splits = load(spec)
    held_out = {example.prompt for example in (*splits.validation, *splits.test)}
    assert {"aa a", "bb b"} <= held_out
    assert held_out & {example.prompt for example in splits.train} == set()
    assert len({"cc c", "dd d", "ee e", "ff f"} & {e.prompt for e in splits.train}) >= 3


def test_the_longest_of_several_places_changes_wherever_it_stands(tmp_path):
    lines = "".join(f"k{i},a longer text {i},y{i}\n" for i in range(9))
    (tmp_path / "a.csv").write_text("k,t,y\n" + lines)
    template = "{k}: {t} ({t}) {k} ->{y}"
    splits = load(FinetuneSpec(data="a.csv", text_template=template), base=tmp_path)
    for example in splits.train:
        assert example.given_at == (4, 4 + len(example.given) + 2)
    for example in augmented(splits.train, [lambda text, random: text + "!!"]):
        key = f"k{example.given.rstrip('!')[-1]}"
        assert example.prompt == f"{key}: {example.given} ({example.given}) {key} ->"
        assert all(example.prompt[at:].startswith(example.given) for at in example.given_at)


def test_a_copy_keeps_what_a_json_completion_quotes():
    given = "Fly me from Turku to Ljubljana on Monday, please, as early as you can"
    answer = json.dumps({"from": "Turku", "to": ["Ljubljana"], "class": "unknown"})
    row = Example(f"Q: {given}\nA:", f" {answer}", None, 1, given=given)
    made = augmented([row], ["drop_words", "typos"], 40)
    assert len(made) > 20
    assert all("Turku" in e.given and "Ljubljana" in e.given for e in made)


def test_in_a_chat_only_a_turn_of_the_user_changes():
    turns = (
        {"role": "system", "content": "You answer in one word, and in the same language, always."},
        {"role": "user", "content": "Is it raining in Oulu today?"},
        {"role": "assistant", "content": "No."},
    )
    row = Example("", "No.", None, 1, turns, turns[0]["content"])
    (_, copy) = augmented([row], ["drop_punctuation"])
    assert [turn["content"] for turn in copy.messages] == [
        turns[0]["content"],
        "Is it raining in Oulu today",
        "No.",
    ]
    assert copy.given == row.given
    assert row.messages == turns


def test_an_unknown_name_is_told_the_nearest_and_no_text_is_an_error(tmp_path):
    with pytest.raises(SpecError) as caught:
        load(FinetuneSpec(augment=("drop_word",)))
    assert caught.value.hint == "Did you mean 'drop_words'?"
    (tmp_path / "a.jsonl").write_text("".join(f'{{"text": "row {i}"}}\n' for i in range(9)))
    with pytest.raises(SpecError, match="these rows have none"):
        load(FinetuneSpec(data="a.jsonl", augment=("typos",)), base=tmp_path)
