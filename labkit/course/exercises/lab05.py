"""Exercises of lab 05: practical examples."""

from collections.abc import Mapping
from typing import Any

from ...run import Run
from ..exercise import About, Exercise, choice, number, trap

LAYERS = 30
MAPS = ((576, 576), (576, 192), (576, 192), (576, 576), (576, 1536), (576, 1536), (1536, 576))
"""Width in and out of the linear maps of a layer of SmolLM2-135M."""


def _lora(r: int, *, only: str = "both") -> int:
    shapes = [(d_in if only != "B" else 0) + (d_out if only != "A" else 0) for d_in, d_out in MAPS]
    return LAYERS * r * sum(shapes)


def _confusion() -> tuple[list[str], list[list[int]]]:
    tuned = Run("tone").metrics["tuned"]
    return list(tuned["labels"]), list(tuned["confusion"])


def _errors() -> dict[tuple[str, str], int]:
    labels, table = _confusion()
    pairs = ((a, b, table[i][j]) for i, a in enumerate(labels) for j, b in enumerate(labels))
    return {(a, b): n for a, b, n in pairs if a != b}


def _is_worst(answer: Any) -> bool:  # noqa: ANN401 - a learner's
    errors = _errors()
    return errors.get((str(answer[0]), str(answer[1]))) == max(errors.values())


def _diagonal() -> tuple[str, str]:
    label = _confusion()[0][0]
    return label, label


def _turned() -> tuple[str, str]:
    (true, answered), _ = max(_errors().items(), key=lambda item: item[1])
    return answered, true


def _is_turned(answer: Any) -> bool:  # noqa: ANN401 - a learner's
    return _is_worst((answer[1], answer[0]))


TONES = ("anger", "fear", "joy", "neutral", "sadness", "surprise")

EXERCISES = (
    Exercise(
        "5.1",
        "Is the data balanced?",
        ("counts",),
        "a mapping of each tone to its number of training rows",
        lambda answer: isinstance(answer, Mapping),
        lambda answer: {str(k): int(v) for k, v in answer.items()} == dict.fromkeys(TONES, 85),
        (
            trap(
                dict.fromkeys(TONES, 120),
                "These are the tones of all 720 phrases. Only rows.train is learned from.",
                lambda answer: sum(answer.values()) == 720,
            ),
            trap(
                dict.fromkeys(TONES, 20),
                "These are the test rows. Count those that are learned from: rows.train.",
                lambda answer: sum(answer.values()) in (90, 120),
            ),
            trap(
                {"joy": 85},
                "Only one tone was counted; the mapping needs all six.",
                lambda answer: len(answer) < len(TONES),
            ),
        ),
        "There are 510 training rows and six tones; your counts do not add up to that.",
        (
            "rows.train is a list; each row has a label.",
            "collections.Counter counts whatever it is given: Counter(row.label for row in …).",
        ),
        "Every tone 85 times: a model that always says the same is right in one case of six.",
    ),
    number(
        About(
            "5.2",
            "How many parameters learn?",
            "trainable",
            (
                "One map d_in → d_out brings r · d_in numbers in A and d_out · r in B.",
                "r · (d_in + d_out) for each of the seven maps, their sum times 30 layers.",
                "q alone brings 16 · (576 + 576) = 18 432.",
            ),
            "4.9 million of 135 million: 3.6 %.",
        ),
        _lora(16),
        {
            lambda: _lora(16, only="A"): "That is A alone. B (d_out, r) learns as well.",
            lambda: _lora(16, only="B"): "That is B alone. A (r, d_in) learns as well.",
            lambda: _lora(16) / LAYERS: "That is one layer. The model has 30 of them.",
            lambda: (
                LAYERS * sum(a * b for a, b in MAPS)
            ): "That is W itself: full fine-tuning. LoRA learns A and B beside it.",
        },
        "Sum r · (d_in + d_out) over the seven maps of a layer, times 30 layers.",
    ),
    Exercise(
        "5.3",
        "Where does it still err?",
        ("worst",),
        "a pair of tones: (true, answered)",
        lambda answer: isinstance(answer, tuple | list) and len(answer) == 2,
        _is_worst,
        (
            trap(
                _diagonal,
                "These are right answers: the diagonal. Look for a pair of different tones.",
                lambda answer: answer[0] == answer[1],
            ),
            trap(
                _turned,
                "The right pair, turned round: rows are true tones, columns are answers.",
                _is_turned,
            ),
            trap(
                ("joy", "happiness"),
                "There is no such tone; the names stand in tuned['labels'].",
                lambda answer: not {*answer} <= {*TONES},
            ),
        ),
        "Another pair of different tones has a larger count.",
        (
            "Leave the diagonal out: there are 30 pairs of different tones.",
            "max(pairs, key=pairs.get) finds the key with the largest value.",
        ),
    ),
    choice(
        About(
            "5.4",
            "What does int8 change?",
            "reason",
            (
                "Compare the sizes: fp32 has 4 bytes for each weight.",
                "135 million weights, 143 MB: how many bytes is that for each?",
            ),
            "One byte in place of four, with a scale for each row of a matrix.",
        ),
        "c",
        {
            "a": "The number of weights is the same: nothing is removed, each is stored in fewer bits.",
            "b": "A smaller rank would change the adapter; that was merged before, and is not stored.",
        },
    ),
)
