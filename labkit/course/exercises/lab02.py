"""Exercises of lab 02: why fine-tuning matters."""

import math
from typing import Any

from ...run import Run
from ..exercise import About, Exercise, choice, is_number, number, said, trap

ADVICE = ("fine-tune", "words", "not shown")


def _perplexity(source: str) -> float:
    return float(Run("wording").metrics[source]["perplexity"])


def _ratio() -> float:
    return _perplexity("base") / _perplexity("tuned")


def _are(answer: Any, right: tuple[int, int]) -> bool:  # noqa: ANN401 - a learner's
    return tuple(float(part) for part in answer) == right


EXERCISES = (
    number(
        About(
            "2.1",
            "Bits saved a token",
            "bits",
            ("log2(perplexity) is the surprise in bits.", "log2(base) − log2(tuned)"),
            "So much less a token the tuned model would need to store these definitions.",
        ),
        lambda: math.log2(_ratio()),
        {
            lambda: math.log(_ratio()): "That is in nats: use the logarithm to base 2.",
            lambda: _perplexity("base") - _perplexity("tuned"): (
                "That is the difference of the perplexities; take their logarithms first."
            ),
            _ratio: "That is the ratio of the perplexities; its logarithm to base 2 is asked for.",
            lambda: -math.log2(_ratio()): "The base model's surprise is the larger one.",
        },
        "log2 of the base model's perplexity minus log2 of the tuned one's.",
        within=1e-3,
    ),
    choice(
        About(
            "2.2",
            "What has it learned?",
            "learned",
            (
                "Are these terms among the training rows?",
                "Look up one of its definitions: is it true? And does it look like one?",
            ),
            "Form is learned from few rows, facts are not.",
        ),
        "b",
        {
            "a": "These terms are not among the training rows; their facts cannot come from there.",
            "c": "Perplexity is a mean per token: length does not count.",
        },
    ),
    Exercise(
        "2.3",
        "Is the test fair?",
        ("repeated", "new_words"),
        "two whole numbers",
        lambda answer: all(map(is_number, answer)),
        lambda answer: _are(answer, (0, 0)),
        (
            trap(
                (20, 0),
                "A pair is new if it was not learned as a pair, even where both of its words were learned.",
                lambda answer: float(answer[0]) > 0,
            ),
            trap(
                (0, 20),
                "Count words, each in any of the eighty pairs, not pairs.",
                lambda answer: float(answer[1]) > 0,
            ),
        ),
        "Both are counts of things that two sets have in common or not.",
        (
            "set(pairs[:80]) & set(pairs[80:]) are the pairs in both.",
            "{word for pair in part for word in pair} is the set of a part's words.",
        ),
        "No pair is repeated, and every word is known: it is asked to combine, not to know German.",
    ),
    Exercise(
        "2.4",
        "What would you tell the company?",
        ("advice",),
        f"one of {', '.join(map(repr, ADVICE))}",
        lambda answer: said(answer) in ADVICE,
        lambda answer: said(answer) == _advice(),
        (
            trap(
                lambda: next(word for word in ADVICE[:2] if word != _advice()),
                "Only an interval that lies on that side of `simple`, with both its ends, says so.",
                lambda answer: (
                    said(answer) == next(word for word in ADVICE[:2] if word != _advice())
                ),
            ),
            trap(
                lambda: next(word for word in ADVICE[::-1] if word != _advice()),
                "Is `simple` between low and high? Look again at both ends.",
                lambda answer: said(answer) != _advice(),
            ),
        ),
        "Compare `simple` with both ends of the interval.",
        (
            "The interval is a pair: low, high.",
            "low > simple: fine-tune; high < simple: words; in between: not shown.",
        ),
        "A baseline first: it tells what the model's number is worth.",
    ),
)


def _advice() -> str:
    low, high = Run("company").metrics["tuned"]["interval"]
    simple = _simple()
    return "fine-tune" if low > simple else "words" if high < simple else "not shown"


def _simple() -> float:
    """Return the share that the nearest command by words gets right, as the lab counts it."""
    from ...api import load_data

    known = load_data("intents", limit=160)
    sets = [(set(row.prompt.lower().split()), row.label) for row in known.train]
    asked = known.test[:100]

    def nearest(words: set[str]) -> str | None:
        return max(sets, key=lambda one: len(words & one[0]) / len(words | one[0]))[1]

    return sum(nearest(set(row.prompt.lower().split())) == row.label for row in asked) / len(asked)
