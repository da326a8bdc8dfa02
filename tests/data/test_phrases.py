"""The data set `phrases` keeps what its card promises: balance, variety, separate splits."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from written import overlap, read, words

FOLDER = Path(__file__).parents[2] / "labkit" / "data" / "phrases"
PER_TONE = {"train": 85, "validation": 15, "test": 20}
TONES = ("anger", "fear", "joy", "neutral", "sadness", "surprise")
NAMES_A_TONE = re.compile(
    r"\b(joy|overjoyed|happ[iy]|glad|delight|cheerful|thrilled|bliss|sad|unhapp|sorrow|heartbroken"
    r"|grie[fv]|mourn|lonely|anger|angr[iy]|furious|fury|livid|rage|outrage|infuriat|afraid|fear"
    r"|scared|terrif|terror|frighten|petrified|dread|panic|anxious|surpris|astonish|amaz|stunned"
    r"|gobsmacked|dumbfounded|neutral)",
    re.IGNORECASE,
)


def runs_of_five(phrase):
    own = words(phrase)
    return {tuple(own[i : i + 5]) for i in range(len(own) - 4)}


@pytest.fixture(scope="module")
def splits():
    return {split: read("phrases", split) for split in PER_TONE}


@pytest.fixture(scope="module")
def rows(splits):
    return [row for split in splits.values() for row in split]


@pytest.fixture(scope="module")
def phrases_by_split(splits):
    return {name: [row["phrase"] for row in split] for name, split in splits.items()}


def shared(phrases_by_split, keys_of):
    """What `keys_of(phrase)` gives in more than one split."""
    keys = {
        split: {key for phrase in phrases for key in keys_of(phrase)}
        for split, phrases in phrases_by_split.items()
    }
    return set().union(*(a & b for a, b in combinations(keys.values(), 2)))


@pytest.mark.parametrize("split", PER_TONE)
def test_every_tone_has_its_share_of_each_split(splits, split):
    found = Counter(row["tone"] for row in splits[split])
    assert found == dict.fromkeys(TONES, PER_TONE[split])


def test_a_row_has_a_phrase_and_a_tone_and_nothing_else(rows):
    assert {tuple(row) for row in rows} == {("phrase", "tone")}
    assert {type(value) for row in rows for value in row.values()} == {str}


def test_phrases_are_clean_text_on_one_line(rows):
    dirty = [row["phrase"] for row in rows if row["phrase"] != " ".join(row["phrase"].split())]
    assert dirty == []


def test_the_tones_are_mixed_in_every_file(splits):
    for split in splits.values():
        assert all(len({row["tone"] for row in split[i : i + 20]}) >= 3 for i in range(0, 90, 20))


def test_no_phrase_appears_twice_even_with_other_punctuation(rows):
    seen = Counter(tuple(words(row["phrase"])) for row in rows)
    assert [key for key, times in seen.items() if times > 1] == []


def test_phrases_have_from_4_to_18_words(rows):
    odd = [row["phrase"] for row in rows if not 4 <= len(row["phrase"].split()) <= 18]
    assert odd == []


def test_no_two_splits_share_a_beginning_of_three_words(phrases_by_split):
    assert shared(phrases_by_split, lambda phrase: [tuple(words(phrase)[:3])]) == set()


def test_no_two_splits_share_five_words_in_a_row(phrases_by_split):
    assert shared(phrases_by_split, runs_of_five) == set()


def test_no_two_phrases_share_more_than_half_of_their_words(rows):
    sets = [(set(words(row["phrase"])), row["phrase"]) for row in rows]
    near = [(p, q) for (a, p), (b, q) in combinations(sets, 2) if overlap(a, b) > 0.5]
    assert near == []


def test_no_two_opening_words_are_used_more_than_six_times(rows):
    openings = Counter(tuple(words(row["phrase"])[:2]) for row in rows)
    assert {key: times for key, times in openings.items() if times > 6} == {}


def test_few_phrases_name_a_tone(rows):
    named = Counter(row["tone"] for row in rows if NAMES_A_TONE.search(row["phrase"]))
    assert sum(named.values()) <= 0.15 * len(rows)
    assert all(times <= 0.2 * 120 for times in named.values())
