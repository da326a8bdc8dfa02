"""Exercises of lab 01: introduction to fine-tuning."""

from typing import Any

from ...run import Run
from ..exercise import About, choice, number
from .verdicts import compared

VOCABULARY = 49152 * 192
LINEAR = 2 * 192 * 192 + 2 * 192 * 64 + 3 * 192 * 512
WHOLE = VOCABULARY + 8 * (LINEAR + 2 * 192) + 192
YEAR = 365 * 24 * 3600


def _training(key: str) -> float:
    measured: Any = Run("introduced").metrics["training"]
    return float(measured[key])


def _years() -> float:
    return 2e12 / _training("tokens_per_second") / YEAR


def _cents() -> float:
    return 100 * 2 * 0.05 * _training("seconds") / 3600


EXERCISES = (
    number(
        About(
            "1.1",
            "How much is vocabulary?",
            "vocabulary_share",
            (
                "Vocabulary: 49152 · 192. A layer: 2 · 192·192 + 2 · 192·64 + 3 · 192·512 + 2 · 192.",
                "vocabulary / (vocabulary + 8 · layer + 192)",
            ),
            "Three quarters of the small model are vectors of tokens, most of which no training row contains.",
        ),
        VOCABULARY / WHOLE,
        {
            100 * VOCABULARY / WHOLE: "These are per cent; a share is between 0 and 1.",
            2 * VOCABULARY / (2 * VOCABULARY + 8 * (LINEAR + 2 * 192) + 192): (
                "Input and output share one table of vectors; you counted it twice."
            ),
            VOCABULARY / (VOCABULARY + LINEAR + 2 * 192 + 192): "There are eight layers, not one.",
            VOCABULARY
            / (WHOLE - VOCABULARY): "Divide by all parameters, the vocabulary with them.",
        },
        "Vocabulary 49152 · 192; eight layers of seven maps and two norms each; one more norm.",
        within=2e-3,
    ),
    compared(
        About(
            "1.2",
            "Better than from scratch?",
            "verdict",
            (
                "An interval is (low, high). They overlap unless one ends before the other begins.",
                "better if tuned[0] > other[1]; worse if tuned[1] < other[0]; else not shown.",
            ),
            "On the same rows what was read before makes the difference.",
        ),
        "introduced",
        "scratch",
    ),
    number(
        About(
            "1.3",
            "Years from scratch",
            "years",
            ("Tokens over tokens a second are seconds.", "2e12 / speed / (365 · 24 · 3600)"),
            "That is why nobody trains a language model from scratch for one task.",
        ),
        _years,
        {
            lambda: _years() * YEAR: "These are seconds.",
            lambda: _years() * 365: "These are days.",
            lambda: (
                _years() / 1000
            ): "2 · 10¹² is a million million: two thousand thousand million tokens.",
        },
        "2 · 10¹² tokens over the tokens a second, in years of 365 days.",
        within=0.02,
    ),
    number(
        About(
            "1.4",
            "What it cost",
            "cents",
            (
                "Seconds over 3600 are hours; two cores for that time.",
                "100 · 2 · 0.05 · seconds / 3600",
            ),
            "Less than a cent. The rows were dearer: somebody wrote them.",
        ),
        _cents,
        {
            lambda: _cents() / 100: "That is in euros; asked for are cents.",
            lambda: _cents() / 2: "You paid for two cores.",
            lambda: _cents() * 3600: "The price is for an hour; the time is in seconds.",
            lambda: _cents() * 60: "That takes the seconds for minutes: an hour has 3600 of them.",
        },
        "Two cores at 0.05 € an hour, for the seconds of the training, in cents.",
        within=0.02,
    ),
    choice(
        About(
            "1.5",
            "What is kept",
            "kept",
            (
                "Which weights did the optimizer move?",
                "%generate introduced --source base still answers as before.",
            ),
            "Take the adapter away and the model is the old one; put another in and it has learned something else.",
        ),
        "a",
        {
            "b": "The adapter has under 4 % of the parameters; it holds a correction, not the knowledge.",
            "c": "The base weights were frozen. What a tuned model forgets can be measured: lab 09.",
        },
    ),
)
