"""Summaries: overlap of words with the reference (ROUGE), length, and the first sentence as rival.

ROUGE: Lin, 2004, "ROUGE: A Package for Automatic Evaluation of Summaries". The reference package
drops every letter that is not ASCII; here a word is a run of letters, marks and digits of any
script, which is the same on ASCII text. Text without blanks between words counts as one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .measure import Counts, Texts, with_ones

if TYPE_CHECKING:
    from ..data import Example

ABBREVIATIONS = "al approx ca cf dr e.g eq etc fig figs i.e jr mr mrs ms no prof resp sr st vs"
"""Words whose full stop ends no sentence."""

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”]*|\n\s*\n")


class Words:
    """A tokenizer for `rouge_score` that keeps the words of every script."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text in small letters."""
        return words(text)


def words(text: str) -> list[str]:
    """Return a text's runs of letters, marks and digits, in small letters."""
    plain = unicodedata.normalize("NFC", text.lower())
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain).split()


def rouge_counts(name: str) -> Counts:
    """Return the function that counts a ROUGE: each row's F1, and 1.

    Args:
        name: `rouge1`, `rouge2` or `rougeL`.
    """

    def counts(answers: Texts, references: Texts) -> np.ndarray:
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer([name], tokenizer=Words())
        pairs = zip(answers, references, strict=True)
        return with_ones([scorer.score(r, a)[name].fmeasure for a, r in pairs])

    return counts


def rouge_about() -> str:
    """Return what ROUGE is counted with."""
    from importlib.metadata import version

    found = f"mean F1 of the rows, 0 to 1; rouge_score {version('rouge_score')}"
    return f"{found}, no stemmer, words of any script in small letters"


def length_counts(answers: Texts, references: Texts) -> np.ndarray:
    """Return `(rows, 2)`: words of the answer and of the reference."""
    pairs = zip(answers, references, strict=True)
    return np.array([(len(words(a)), len(words(r))) for a, r in pairs], float)


def lead_1(examples: Sequence[Example]) -> list[str]:
    """Return the first sentence of each document, a baseline that a summary has to beat.

    Args:
        examples: Rows whose `given` is the document.
    """
    return [first_sentence(example.given) for example in examples]


def first_sentence(text: str) -> str:
    """Return a text up to the end of its first sentence, or all of it where none ends.

    A full stop ends none after an abbreviation or an initial, nor does any sign before a small
    letter, unless the text has small letters only.
    """
    text = text.strip()
    is_cased = text != text.lower()
    for end in _END.finditer(text):
        before, after = text[: end.start()], text[end.end() :].lstrip()
        goes_on = end[0][0] in ".!?…" and is_cased and after[:1].islower()
        if not goes_on and not (end[0][0] == "." and _is_abbreviation(before)):
            return " ".join(text[: end.end()].split())
    return " ".join(text.split())


def _is_abbreviation(before: str) -> bool:
    """Say whether the last word is one that a full stop shortens, as `Dr` or an initial."""
    word = before.split()[-1].lstrip("(\"'“‘«") if before.split() else ""
    is_initial = len(word) == 1 and word.isupper()
    return is_initial or word.lower() in ABBREVIATIONS.split()
