"""Small changes to a text that keep its meaning: words, letters, case and punctuation.

Each takes a text and a random number generator and returns the changed text; where there is nothing
to change, the same text. Words as in EDA (Wei and Zou 2019, arXiv:1901.11196): one in ten.
"""

import re
from random import Random

SHARE = 0.1
"""Share of the words that are changed, at least one."""

LETTER_SHARE = 0.03
"""Share of the letters that are changed, at least one."""

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
MARKS = ".,!?;:"


def swap_words(text: str, random: Random) -> str:
    """Return the text with one word in ten in the place of another one."""
    pieces, places = _words(text)
    for _ in range(_some(places, SHARE) if len(places) > 1 else 0):
        one, other = random.sample(places, 2)
        pieces[one], pieces[other] = pieces[other], pieces[one]
    return "".join(pieces)


def drop_words(text: str, random: Random) -> str:
    """Return the text without one word in ten; one word always stays."""
    pieces, places = _words(text)
    if len(places) < 2:
        return text
    gone = set(random.sample(places, min(len(places) - 1, _some(places, SHARE))))
    kept = [piece for at, piece in enumerate(pieces) if at not in gone and at - 1 not in gone]
    return "".join(kept).rstrip() if places[-1] in gone else "".join(kept)


def typos(text: str, random: Random) -> str:
    """Return the text with a letter in thirty replaced by its neighbour on the keyboard."""
    places = [at for at, letter in enumerate(text) if letter.lower() in _NEIGHBOURS]
    letters = list(text)
    for at in random.sample(places, _some(places, LETTER_SHARE)):
        wrong = random.choice(_NEIGHBOURS[text[at].lower()])
        letters[at] = wrong.upper() if text[at].isupper() else wrong
    return "".join(letters)


def swap_letters(text: str, random: Random) -> str:
    """Return the text with a letter in thirty behind the one that follows it."""
    places = [match.start() for match in re.finditer(r"(?=([^\W\d_])(?!\1)[^\W\d_])", text)]
    letters = list(text)
    for at in random.sample(places, _some(places, LETTER_SHARE)):
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def change_case(text: str, random: Random) -> str:
    """Return the text in small letters, in capitals, or with a capital for each word."""
    forms = [text.lower(), text.upper(), re.sub(r"\b[^\W\d_]", lambda m: m[0].upper(), text)]
    return random.choice([form for form in forms if form != text] or [text])


def drop_punctuation(text: str, random: Random) -> str:
    """Return the text without its full stops, commas, marks and colons; 3.5 stays 3.5."""
    return re.sub(rf"[{MARKS}]+(?!\w)", "", text) or text


def repeat_punctuation(text: str, random: Random) -> str:
    """Return the text with one of its marks written two or three times."""
    places = [match.start() for match in re.finditer(rf"[{MARKS}](?![{MARKS}\w])", text)]
    if not places:
        return text
    at = random.choice(places)
    return text[:at] + text[at] * random.choice((2, 3)) + text[at + 1 :]


def _words(text: str) -> tuple[list[str], list[int]]:
    """Return a text in pieces, words and the blanks between them, and where the words are."""
    pieces = re.split(r"(\s+)", text)
    return pieces, [at for at, piece in enumerate(pieces) if piece.strip()]


def _some(places: list[int], share: float) -> int:
    return min(len(places), max(1, round(share * len(places))))


def _neighbours() -> dict[str, str]:
    """Return each letter's neighbours left, right, above and below on a keyboard."""
    at = {key: (x + 0.5 * y, y) for y, row in enumerate(KEYBOARD) for x, key in enumerate(row)}
    return {
        key: "".join(o for o, (a, b) in at.items() if o != key and abs(a - x) <= 1 >= abs(b - y))
        for key, (x, y) in at.items()
    }


_NEIGHBOURS = _neighbours()
