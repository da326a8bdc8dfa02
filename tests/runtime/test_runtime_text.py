"""Text that arrives in pieces: whole characters, and no stop text, wherever the borders are."""

import itertools

import pytest

from labkit.runtime.text import cut, pieces, until


def utf8(ids):
    """A tokenizer of bytes."""
    return bytes(ids).decode("utf-8", errors="replace")


def words(ids):
    """A tokenizer that writes a blank before each word but the first, as SentencePiece does."""
    return " ".join(("yes", "no", "maybe")[i] for i in ids)


@pytest.mark.parametrize("text", ["naïve café", "👩‍👩‍👧 🇩🇪", "漢字かな", "tab\tline\n\nend ", ""])
def test_a_character_comes_whole_or_not_at_all(text):
    found = list(pieces(utf8, text.encode()))
    assert "".join(found) == text
    assert found == list(text)


def test_bytes_that_never_become_a_character_are_shown_at_the_end():
    assert list(pieces(utf8, "ok🙂".encode()[:-1])) == ["o", "k", "\ufffd"]


def test_a_blank_that_belongs_between_two_words_stands_between_two_pieces():
    assert list(pieces(words, [0, 1, 2])) == ["yes", " no", " maybe"]


def test_pieces_come_as_soon_as_they_are_whole():
    read = []
    found = pieces(utf8, (read.append(byte) or byte for byte in "aé".encode()))
    assert (next(found), len(read)) == ("a", 1)
    assert (next(found), len(read)) == ("é", 3)


@pytest.mark.parametrize(
    ("text", "stop", "shown"),
    [
        ("Hi.\nQ: no", ["\nQ:"], "Hi."),
        ("Hi.\nQ it", ["\nQ:"], "Hi.\nQ it"),
        ("Hi.\nQ", ["\nQ:"], "Hi.\nQ"),
        ("aab", ["ab"], "a"),
        ("ababac", ["abac"], "ab"),
        ("xabc", ["abc", "b"], "xa"),  # b is complete first
        ("xab", ["b", "ab"], "x"),  # both at once: the longer one
        ("stop", ["stop"], ""),
        ("never", [], "never"),
    ],
)
def test_a_stop_text_and_what_follows_are_not_shown_wherever_the_pieces_end(text, stop, shown):
    for n in range(len(text)):
        for places in itertools.combinations(range(1, len(text)), n):
            parts = [text[a:b] for a, b in itertools.pairwise((0, *places, len(text)))]
            assert "".join(until(parts, stop)) == shown
    assert cut(text, stop) == shown


def test_only_what_may_become_a_stop_text_is_held_back():
    assert list(until(["Hello", " wor", "ld\n", "\nX"], ["\n\n"])) == ["Hello", " wor", "ld"]
    assert list(until(["a\n", "b"], ["\n\n"])) == ["a", "\nb"]


def test_nothing_is_read_after_a_stop_text():
    read = []
    texts = (read.append(one) or one for one in ["a", "END", "b", "c"])
    assert list(until(texts, ["END"])) == ["a"]
    assert read == ["a", "END"]
