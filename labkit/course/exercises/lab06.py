"""Exercises of lab 06: best practices."""

import math
from typing import Any

from ..exercise import About, Exercise, choice, is_number, number, trap
from .verdicts import compared

MISSED = math.comb(456, 48) / math.comb(480, 48)
BATCH, STEPS = 32, 48


def _are_numbers(answer: Any) -> bool:  # noqa: ANN401 - a learner's
    return all(map(is_number, answer))


EXERCISES = (
    number(
        About(
            "6.1",
            "Rows that are there twice",
            "doubles",
            (
                "A set keeps each row once.",
                "len(lines) − len({tuple(line) for line in lines})",
            ),
            "A doubled row counts twice in the loss; one on both sides of a split makes the test worthless.",
        ),
        9,
        {
            18: "Count the repetitions, not both copies.",
            240: "That is how many different rows there are.",
            249: "These are all rows.",
            0: "Compare whole rows: phrase and tone.",
        },
        "All rows minus the different ones.",
    ),
    number(
        About(
            "6.2",
            "A label that is missed",
            "missed",
            (
                "All 24 must stay out: multiply 24 chances of about 0.9.",
                "0.9 ** 24, or exactly comb(456, 48) / comb(480, 48).",
            ),
            "About one split in thirteen would not notice that a label is never right.",
        ),
        MISSED,
        {
            0.1: "That is the chance for one row to be taken; all 24 must stay out.",
            1 - MISSED: "That is the chance that at least one is among them.",
        },
        "About 0.9 to the power of 24.",
        within=0.1,
    ),
    compared(
        About(
            "6.3",
            "Is the higher rate better?",
            "higher_rate",
            (
                "Better: the low end of usual is above the high end of timid.",
                "Print both intervals below each other and compare the ends.",
            ),
            "An advice has its conditions; a measurement has them written down.",
        ),
        "usual",
        "timid",
    ),
    Exercise(
        "6.4",
        "Batch and steps",
        ("effective_batch", "max_steps"),
        "two whole numbers",
        _are_numbers,
        lambda answer: tuple(map(float, answer)) == (BATCH, STEPS),
        (
            trap(
                (16, 96),
                "Two processes work at once: their rows belong to the same step.",
                lambda answer: float(answer[0]) == BATCH / 2,
            ),
            trap(
                (8, 192),
                "Four batches are put together before each step.",
                lambda answer: float(answer[0]) == BATCH / 4,
            ),
            trap(
                (32, 47),
                "510 / 32 is 15.9: the last step of each pass has what is left, so round up before you multiply by three.",
                lambda answer: float(answer[1]) in (45, 47, 47.8125),
            ),
            trap(
                (32, 16),
                "That is one pass; three are asked for.",
                lambda answer: float(answer[1]) == STEPS / 3,
            ),
        ),
        "Processes · rows at a time · accumulation; then the steps of a pass, rounded up, times three.",
        (
            "effective_batch = 2 · 4 · 4",
            "A pass has ceil(510 / 32) steps.",
        ),
        "The rate belongs to the effective batch: who changes one looks at the other again.",
    ),
    number(
        About(
            "6.5",
            "Where does it stop?",
            "stops_at",
            (
                "0.84 is worse than 0.81, then 0.80 is better: the count begins anew.",
                "After 0.80 (step 100) come 0.83 and 0.86.",
            ),
            "It never sees the 0.79 of step 160: patience is a bet.",
        ),
        140,
        {
            7: "That is the number of the validation; there are 20 steps between two of them.",
            120: "At step 120 it waited once; patience is 2.",
            100: "That is the best step so far, which is kept. It stops after two more validations.",
            160: "It has stopped before it could see that.",
            80: "At step 80 it waited once, and step 100 is better again.",
        },
        "Count validations in a row that are no better than the best; at two it stops.",
    ),
    choice(
        About(
            "6.6",
            "Which would you take?",
            "choice_of",
            (
                "8 billion weights in two bytes each are how many GB?",
                "Three things exclude: memory, licence, rows.",
            ),
            "Size for the device, licence for the purpose, method for the rows.",
        ),
        "b",
        {
            "a": "8 billion weights take 16 GB in two bytes each, full training four times that and more; and the "
            "licence does not allow a sale.",
            "c": "400 rows cannot teach what words mean: lab 01 measured it.",
        },
    ),
)
