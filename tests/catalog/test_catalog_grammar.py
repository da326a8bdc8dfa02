"""Sentence templates: every utterance that one allows, and what fills its slots."""

import random

import pytest

from labkit.catalog.rows.grammar import Grammar, Piece, parse, say
from labkit.catalog.rows.utterances import utterance_of, value_of

RULES = {"light": "(lamp|light)[s]", "nested": "<light> on"}
LISTS = {
    "level": {"range": {"from": 10, "to": 30, "step": 10, "multiplier": -1}},
    "mode": {"values": [{"in": "auto[matic]", "out": "auto"}, {"in": "(low|slow)", "out": 1}]},
}


def drawn(template, n=400):
    """Every utterance seen in `n` draws, with its slots."""
    numbers = random.Random(0)
    node = parse(template)
    grammar = Grammar(RULES, lambda slot, draw: value_of(slot, draw, LISTS, ("valve",)))
    return [utterance_of(say(node, grammar, numbers.randrange)) for _ in range(n)]


@pytest.mark.parametrize(
    ("template", "texts"),
    [
        ("go back", {"go back"}),
        ("go [far] back", {"go back", "go far back"}),
        ("(a|b|c d)", {"a", "b", "c d"}),
        ("[a|b] c", {"c", "a c", "b c"}),
        ("turn (x;on)", {"turn x on", "turn on x"}),
        ("(a;b;c)", {"a b c", "a c b", "b a c", "b c a", "c a b", "c b a"}),
        ("(go;[now])", {"go", "go now", "now go"}),
        ("[[so ]very] far", {"far", "very far", "so very far"}),
        ("<nested>", {"lamp on", "lamps on", "light on", "lights on"}),
        ("((a|b)|c [d])", {"a", "b", "c", "c d"}),
    ],
)
def test_a_template_gives_exactly_what_it_allows(template, texts):
    assert {said.text for said in drawn(template)} == texts


def test_a_value_fills_its_slot_with_what_it_means():
    said = {(u.text, u.slots["speed"]) for u in drawn("fan {mode:speed}")}
    assert said == {
        ("fan auto", "auto"),
        ("fan automatic", "auto"),
        ("fan low", 1),
        ("fan slow", 1),
    }


def test_a_range_is_said_as_it_is_and_meant_with_its_sign():
    said = {(u.text, u.slots["level"]) for u in drawn("down {level}")}
    assert said == {("down 10", -10), ("down 20", -20), ("down 30", -30)}


def test_a_name_is_one_of_a_device_of_the_right_kind():
    names = {u.slots["name"] for u in drawn("open {name}")}
    assert names == {"water valve", "gas valve", "sprinkler valve"}


def test_the_skeleton_has_slots_in_place_of_values():
    assert {u.skeleton for u in drawn("fan  {mode:speed} [now]")} == {
        "fan {speed}",
        "fan {speed} now",
    }


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("remove 3 hour from it", "remove 3 hours from it"),
        ("remove 1 hours", "remove 1 hour"),
        ("a 5-minutes timer", "a 5-minute timer"),
        ("5 minutes timer", "5 minute timer"),
        ("half an hours", "half an hour"),
        ("2 and a half hour", "2 and a half hours"),
        ("for 1-hour", "for 1 hour"),
        ("to 20 °", "to 20°"),
        ("to 20 degree", "to 20 degrees"),
        ("to 40 %", "to 40%"),
    ],
)
def test_numbers_and_units_are_written_as_people_do(text, spoken):
    assert utterance_of([Piece(text)]).text == spoken


@pytest.mark.parametrize("template", ["(a|b", "a)", "[a", "[a)"])
def test_a_crooked_template_is_refused(template):
    with pytest.raises(ValueError, match="bracket"):
        parse(template)
