"""Exercises of lab 08: evaluation and monitoring."""

import math
from typing import Any

from ...run import Run
from ..exercise import About, Exercise, choice, is_number, number, trap

RUN = "watched"


def _near(answer: Any, right: tuple[float, ...], within: float = 0.005) -> bool:  # noqa: ANN401 - a learner's
    return all(
        math.isclose(float(part), value, rel_tol=within)
        for part, value in zip(answer, right, strict=True)
    )


def _are_numbers(answer: Any) -> bool:  # noqa: ANN401 - a learner's
    return all(map(is_number, answer))


def _wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval of Wilson, 1927."""
    p = right / n
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


def _wald(right: int, n: int) -> tuple[float, float]:
    p = right / n
    reach = 1.96 * math.sqrt(p * (1 - p) / n)
    return p - reach, p + reach


def _losses() -> dict[int, float]:
    return {int(event["step"]): float(event["eval_loss"]) for event in Run(RUN).of("eval")}


def _best() -> float:
    losses = _losses()
    return min(losses, key=lambda step: losses[step])


def _worst() -> float:
    losses = _losses()
    return max(losses, key=lambda step: losses[step])


def _tuned() -> Any:  # noqa: ANN401 - from a run
    return Run(RUN).metrics["tuned"]


def _macro(*, of: str = "f1") -> float:
    table = _tuned()["confusion"]
    size = range(len(table))
    rows, columns = [sum(table[i]) for i in size], [sum(line[i] for line in table) for i in size]
    below = {"f1": [(a + b) / 2 for a, b in zip(rows, columns, strict=True)], "recall": rows}
    below["precision"] = [max(1, column) for column in columns]
    return float(sum(table[i][i] / below[of][i] for i in size) / len(table))


EXERCISES = (
    Exercise(
        "8.1",
        "Accuracy and F1 of a rare label",
        ("accuracy", "f1"),
        "two numbers",
        _are_numbers,
        lambda answer: _near(answer, (0.98, 0.6)),
        (
            trap(
                (0.98, 0.5),
                "That is the precision. F1 is the harmonic mean of precision and recall.",
                lambda answer: _near(answer, (0.98, 0.5)),
            ),
            trap(
                (0.98, 0.625),
                "That is the arithmetic mean of precision and recall; F1 is the harmonic one, which is lower.",
                lambda answer: _near(answer[1:], (0.625,)),
            ),
            trap(
                (0.015, 0.6),
                "Right are also the messages that are no complaints and were left alone.",
                lambda answer: _near(answer[:1], (0.015,)),
            ),
            trap(
                (0.995, 0.6),
                "Two kinds of error: 5 complaints missed, and 15 messages marked that are none.",
                lambda answer: (
                    _near(answer[:1], (0.995,), 1e-4) or _near(answer[:1], (0.985,), 1e-4)
                ),
            ),
        ),
        "Of 1000 messages 5 complaints are missed and 15 others are marked; the rest is right.",
        (
            "Wrong are 20 − 15 complaints that are missed, and 30 − 15 others that are marked.",
            "F1: 2 · 0.5 · 0.75 / (0.5 + 0.75).",
        ),
        "0.98 sounds better than 0.60, and is the same model.",
    ),
    number(
        About(
            "8.2",
            "Perplexity by hand",
            "perplexity",
            (
                "The mean of ln 2, ln 4 and ln 8, and exp of it.",
                "ln 2 + ln 4 + ln 8 = 6 · ln 2; a third of that is ln 4.",
            ),
            "As unsure as among four tokens: the geometric mean of 2, 4 and 8.",
        ),
        4.0,
        {
            14 / 3: "That is the mean of 2, 4 and 8. Take the mean of their logarithms first.",
            2 * math.log(2): "That is the loss in nats; perplexity is exp of it.",
            2.0: "That is the loss in bits; perplexity is 2 to its power.",
            24 / 7: "That is 1 over the mean probability. Take the mean of the logarithms.",
            64.0: "That is 1 over the product; take the third root, as the loss is a mean per token.",
        },
        "Perplexity is exp of the mean of −ln p over the three tokens.",
        within=1e-4,
    ),
    Exercise(
        "8.3",
        "The interval of an accuracy",
        ("low", "high"),
        "two numbers",
        _are_numbers,
        lambda answer: _near(answer, _wilson(108, 120), 0.002),
        (
            trap(
                lambda: _wald(108, 120),
                "That is p ± z·√(p(1−p)/n), which reaches beyond 1 for a p near 1. Put in the terms with z².",
                lambda answer: _near(answer, _wald(108, 120), 0.002),
            ),
            trap(
                lambda: _wilson(108, 120)[::-1],
                "Both ends are right, in the other order: low first.",
                lambda answer: float(answer[0]) > float(answer[1]),
            ),
            trap(
                lambda: tuple(100 * end for end in _wilson(108, 120)),
                "These are per cent; an accuracy is between 0 and 1.",
                lambda answer: float(answer[1]) > 2,
            ),
        ),
        "Put p = 0.9, n = 120 and z = 1.96 into the formula; the whole is divided by 1 + z²/n.",
        (
            "Name the parts: middle = p + z²/2n, reach = z·√(p(1−p)/n + z²/4n²).",
            "low = (middle − reach) / (1 + z²/n), and high with +.",
        ),
        "0.83 to 0.94: the point estimate is not in the middle.",
    ),
    number(
        About(
            "8.4",
            "Which checkpoint is kept?",
            "best_step",
            (
                "The model is kept where it does best on rows that it does not learn from.",
                "min(losses, key=losses.get)",
            ),
            "A later model may fit the training rows better, and others worse.",
        ),
        _best,
        {
            lambda: min(_losses().values()): "That is the loss; asked for is its step.",
            _worst: "There the validation loss is highest.",
        },
        "Another step has a lower validation loss.",
    ),
    choice(
        About(
            "8.5",
            "Read two curves",
            "finding",
            (
                "Which rows does each loss look at?",
                "After step 60 the model gets better on rows it sees again and again, and worse on the others.",
            ),
            "Overfitting. Stop at step 60 (early_stopping_patience), or give it more rows, or a smaller rank.",
        ),
        "b",
        {
            "a": "With too low a rate both losses would hardly move; here the training loss falls far.",
            "c": "Only the training loss is pushed down. That the other one rises is the finding.",
        },
    ),
    number(
        About(
            "8.6",
            "Macro F1 by hand",
            "macro_f1",
            (
                "A row's sum is how often the tone is true, a column's how often it is answered.",
                "For tone i: 2 · table[i][i] / (sum(table[i]) + sum(line[i] for line in table)).",
            ),
            "Each tone counts the same, however rare it is.",
        ),
        _macro,
        {
            lambda: _macro(
                of="recall"
            ): "That divides by the rows alone: recall. F1 counts wrong answers of a tone, too.",
            lambda: _macro(
                of="precision"
            ): "That divides by the columns alone: precision. F1 counts missed ones, too.",
            lambda: 6 * _macro(): "That is the sum; take the mean over the six tones.",
        },
        "For each tone 2·right over row's sum plus column's sum; then the mean.",
        within=1e-4,
    ),
)
