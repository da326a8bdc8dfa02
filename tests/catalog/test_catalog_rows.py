"""Rows made from a wheel's files: what is kept, what it means, and who is on which side."""

import json
from collections import Counter

import pytest

from labkit.catalog.rows import commands, papers
from labkit.catalog.rows.commands import divided, named, templates_of
from labkit.catalog.rows.utterances import Template


def block(*sentences, **more):
    return {"sentences": list(sentences), "response": "default", **more}


TURNS = [
    block(f"turn on [the] {verb} light in {{area}}", slots={"domain": "light"})
    for verb in ("big", "small", "red", "blue", "green", "tall", "short", "round", "flat", "old")
]
HOME = {
    "language": "en",
    "intents": {
        "HassTurnOn": {"data": [*TURNS, block("open {name}", requires_context={"domain": ["x"]})]},
        "HassStartTimer": {
            "data": [
                block(*(f"{verb} {{timer_minutes:minutes}} minutes" for verb in "abcdef")),
                block("stop now please"),
            ]
        },
    },
    "lists": {"timer_minutes": {"range": {"from": 1, "to": 100}}},
    "expansion_rules": {},
}
FILE = json.dumps(HOME).encode()


def pairs(splits, column):
    return {split: {row[column] for row in rows} for split, rows in splits.items()}


def disjoint(sets):
    merged = [value for values in sets.values() for value in values]
    return len(merged) == len(set(merged))


def test_no_template_and_no_utterance_is_on_two_sides():
    splits = commands.intents([FILE])
    assert set(splits) == {"train", "validation", "test"}
    assert all(splits.values())
    assert disjoint(pairs(splits, "template"))
    assert disjoint(pairs(splits, "utterance"))


def test_an_utterance_has_its_intent_as_words():
    rows = [row for part in commands.intents([FILE]).values() for row in part]
    for row in rows:
        is_timer = row["utterance"].endswith(("minutes", "minute", "please"))
        assert row["intent"] == ("start timer" if is_timer else "turn on")
    assert named("HassMediaSearchAndPlay") == "media search and play"


def test_a_command_holds_what_is_said_and_what_is_implied():
    for part in commands.slots([FILE]).values():
        for row in part:
            command, said = json.loads(row["command"]), row["utterance"]
            if command["intent"] == "turn on":
                assert said.endswith(f"light in {command.pop('area')}")
                assert command == {"intent": "turn on", "domain": "light"}
            elif "minutes" in command:
                assert f" {command['minutes']} minute" in said


def test_no_intent_has_more_rows_than_it_may():
    splits = commands.intents([FILE])
    most = {"train": 60, "validation": 8, "test": 15}
    for split, rows in splits.items():
        assert max(Counter(row["intent"] for row in rows).values()) <= most[split]


def test_rows_are_the_same_at_every_call():
    assert commands.slots([FILE]) == commands.slots([FILE])


def test_a_name_of_an_unknown_kind_of_device_gives_no_row():
    texts = [t.text for group in templates_of(HOME).values() for t in group]
    assert "open {name}" not in texts


@pytest.mark.parametrize("word", ["go", "stop", "wait", "run", "play", "sing"])
def test_a_tested_meaning_can_be_learned_where_it_has_several_templates(word):
    group = [Template(f"{word} {b}{i}", "X", b, {}, ()) for b in "abcdefghij" for i in range(2)]
    splits = divided(group)
    assert {split: len(part) for split, part in splits.items()} == {
        "train": 14,  # 20 − 4 (a fifth) − 2 (12 %, rounded)
        "validation": 2,
        "test": 4,
    }
    assert {template.block for template in splits["train"]} == set("abcdefghij")


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("turn off all the lights", True),
        ("turn off all the light", False),
        ("every lamps", False),
        ("turn my the lamp", False),
        ("is my Anna home", False),
        ("are desk lamp on", False),
        ("are any windows open", True),
        ("which of the doors is open", False),
        ("which lights are on", True),
        ("first floor floor lights", False),
        ("the Christmas tree on", True),
    ],
)
def test_what_nobody_says_is_left_out(said, clean):
    source = {"expansion_rules": {}, "lists": {}}
    template = Template(said, "X", "b", {}, ())
    assert bool(list(commands.utterances(template, source, {}))) is clean


def test_a_pattern_of_words_belongs_to_the_first_template_that_gives_it():
    source = {"expansion_rules": {}, "lists": {}}
    owners = {}
    first, second = (
        Template(text, "X", "b", {}, ()) for text in ("go [on] {area}", "go {area} [again]")
    )
    said = {u.skeleton for u in commands.utterances(first, source, owners)}
    assert said == {"go {area}", "go on {area}"}
    said = {u.skeleton for u in commands.utterances(second, source, owners)}
    assert said == {"go {area} again"}


def paper(name, words=20):
    sentence = " ".join(["word"] * (words - 2)) + " (or two) ."
    return {
        "id": name,
        "title": name,
        "sentences": {"abstract": [f"{name} ,", sentence], "introduction": ["Long ."]},
        "summary": {a: f"{a} of {name} ." for a in ("challenge", "approach", "outcome")},
    }


def test_a_papers_three_aspects_are_on_one_side_and_old_papers_are_left_out():
    ours = [paper(f"P1{6 + i % 4}-1{i:03}") for i in range(50)]
    others = [paper("P15-1000"), paper("D07-1016"), paper("P98-1000"), paper("N19-1000", 400)]
    lines = [json.dumps(one) for one in ours + others]
    splits = papers.summaries(["\n".join(lines[:30]).encode(), "\n".join(lines[30:]).encode()])
    by_paper = Counter(row["paper"] for rows in splits.values() for row in rows)
    assert by_paper == {one["id"]: 3 for one in ours}
    assert disjoint(pairs(splits, "paper"))
    assert {split: len(rows) for split, rows in splits.items()} == {
        "train": 3 * (50 - 24 - 12),
        "validation": 3 * 12,
        "test": 3 * 24,
    }
    row = splits["train"][0]
    assert row["abstract"].startswith(f"{row['paper']}, word word")
    assert row["abstract"].endswith("word (or two).")
    assert row["summary"] == f"{row['aspect']} of {row['paper']}."


@pytest.mark.parametrize(
    ("name", "year"),
    [("P19-1352", 2019), ("D07-1016", 2007), ("P98-1000", 1998), ("2020.acl-main.47", 2020)],
)
def test_the_year_is_in_the_anthologys_id(name, year):
    assert papers.year_of(name) == year


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("up to 20 % in MRR .", "up to 20% in MRR."),
        ("( i.e. , this ) is", "(i.e., this) is"),
        ("models do n't , and it 's so", "models don't, and it's so"),
        ("' foil '  words", "' foil ' words"),
    ],
)
def test_blanks_of_a_tokeniser_are_taken_out(source, text):
    assert papers.in_print(source) == text
