"""Exercises of lab 10: the capstone. A model is judged by what it does."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from ... import faults
from ...run import Run
from ...spec import FinetuneSpec
from ..exercise import About, Exercise, choice, number, trap

RUN, HASTY, ROWS, TEST = "capstone", "hasty", 320, 120
REPORT = ("accuracy", "low", "high", "n", "base")


def _fault(answer: Any) -> str:  # noqa: ANN401 - a learner's
    """Return what is wrong with a learner's run, or nothing."""
    if _is_export(answer):
        return "That is the export; the training is asked for."
    run = Run(_name(answer))
    spec, found = cast("FinetuneSpec", run.spec), run.metrics
    if found.get("tuned", {}).get("n") != TEST:
        return "It was not judged by test[:120], or it has not ended: test_split='test[:120]'."
    if spec.data != "intents" or not spec.limit or spec.limit > ROWS:
        return "It must learn from intents, with limit=320 at most."
    if faults.is_marked(run.path):
        return "A fault was put into this run on purpose."
    paired = found["comparison"]["paired"]
    better = found["tuned"]["accuracy"] > found["base"]["accuracy"] and paired["p_value"] < 0.05
    if not better:
        return "It is not better than its base model beyond chance: more steps, or a higher rate."
    if found["tuned"]["accuracy"] < 0.7:
        return "It is better than its base model, but right in fewer than 70 of 100: more passes."
    return ""


def _name(answer: Any) -> str:  # noqa: ANN401
    return str(getattr(answer, "name", answer)).removesuffix("/onnx")


def _is_export(answer: Any) -> bool:  # noqa: ANN401
    return str(getattr(answer, "name", answer)).endswith("onnx")


def _delivers(answer: Any) -> bool:  # noqa: ANN401
    if not _is_export(answer) or _name(answer) != RUN:
        return False
    rungs: Mapping[str, Any] = Run(f"{RUN}/onnx").metrics.get("rungs", {})
    if "int8" not in rungs:
        return False
    lost = rungs["fp32"]["metric"]["value"] - rungs["int8"]["metric"]["value"]
    return bool(lost <= 0.02 and rungs["int8"]["size_bytes"] < 160e6)


def _report(source: str = "tuned") -> dict[str, float]:
    found = Run(RUN).metrics
    low, high = found[source]["interval"]
    shown = found[source]["accuracy"], low, high, found[source]["n"], found["base"]["accuracy"]
    return dict(zip(REPORT, map(float, shown), strict=True))


def _reports(answer: Mapping[Any, Any], right: Mapping[str, float]) -> bool:
    return all(math.isclose(float(answer[key]), right[key], abs_tol=0.006) for key in REPORT)


def _commonest() -> float:
    from ...api import load_data

    labels = Counter(row.label for row in load_data("intents").test)
    return max(labels.values()) / labels.total()


EXERCISES = (
    choice(
        About(
            "10.1",
            "Which method?",
            "method_choice",
            (
                "What does each need while it trains, and what is left of it in the delivered file?",
                "QLoRA's four bits are for the training; the export has bits of its own.",
            ),
            "Merged and in 8 bits it is a quarter of the model, and no adapter is left to load.",
        ),
        "b",
        {
            "a": "320 rows cannot use the freedom of all weights, and it needs four times the memory.",
            "c": "Training memory and the device's memory are two things; QLoRA saves the first, and costs time.",
        },
    ),
    number(
        About(
            "10.2",
            "What does no model get?",
            "commonest",
            (
                "Counter(row.label for row in rows.test) counts the intents.",
                "The largest count over the number of rows.",
            ),
            "Any number that you report is to be read beside this one.",
        ),
        _commonest,
        {
            1 / 20: "That would be so if all twenty were equally frequent; count them.",
            lambda: 100 * _commonest(): "That is in per cent; a share is between 0 and 1.",
            lambda: 1 - _commonest(): "That is the share that it gets wrong.",
        },
        "The count of the most frequent intent of the test rows over all of them.",
        within=1e-3,
    ),
    Exercise(
        "10.3",
        "Train it",
        ("capstone",),
        "the run, as labkit.finetune returns it",
        lambda answer: isinstance(getattr(answer, "name", answer), str) and bool(_name(answer)),
        lambda answer: not _fault(answer),
        (
            trap(
                HASTY,
                "It is not better than its base model beyond chance: more steps, or a higher rate.",
                lambda answer: "beyond chance" in _fault(answer),
            ),
            trap(
                f"{RUN}/onnx",
                "That is the export; the training is asked for.",
                _is_export,
            ),
        ),
        _fault,
        (
            "Begin with LoRA's defaults, two passes and a rate of 5e-4.",
            'labkit.finetune(name="capstone", data="intents", limit=320, test_split="test[:120]", seed=seed, '
            "num_train_epochs=2)",
        ),
        "Better than its base beyond chance, and good enough for the brief.",
    ),
    Exercise(
        "10.4",
        "Export it",
        ("exported",),
        "the export, as labkit.optimize returns it",
        lambda answer: bool(_name(answer)) and isinstance(getattr(answer, "name", answer), str),
        _delivers,
        (
            trap(
                RUN,
                "That is the training; labkit.optimize returns the export.",
                lambda answer: not _is_export(answer) and _name(answer) == RUN,
            ),
            trap(
                HASTY,
                "That is the hasty try; export capstone.",
                lambda answer: _name(answer) == HASTY,
            ),
        ),
        "The export of capstone in int8 must lose at most two points and take less than 160 MB.",
        (
            'exported = labkit.optimize("capstone", …)',
            'labkit.optimize("capstone", precision="int8")',
        ),
        "A file that can be delivered, with the loss of precision measured.",
    ),
    Exercise(
        "10.5",
        "What must a reader know?",
        ("report",),
        f"a dictionary with the keys {', '.join(REPORT)}",
        lambda answer: isinstance(answer, Mapping) and set(REPORT) <= set(answer),
        lambda answer: _reports(answer, _report()),
        (
            trap(
                lambda: {**_report(), "n": ROWS},
                "n is the number of rows that it was judged by, not that it learned from.",
                lambda answer: float(answer["n"]) == ROWS,
            ),
            trap(
                lambda: _report("base"),
                "These are the base model's numbers.",
                lambda answer: _reports(answer, _report("base")),
            ),
            trap(
                lambda: {
                    key: value * (1 if key == "n" else 100) for key, value in _report().items()
                },
                "These are per cent; write shares between 0 and 1.",
                lambda answer: float(answer["accuracy"]) > 1,
            ),
        ),
        "Take them from capstone.metrics: tuned and base.",
        (
            'capstone.metrics["tuned"] has accuracy, interval and n.',
            'capstone.metrics["base"]["accuracy"] is the base model\'s.',
        ),
        "A number, its interval, its n, and what it is compared with.",
    ),
    choice(
        About(
            "10.6",
            "What do you tell the maker?",
            "decision",
            (
                "Who wrote the test commands, and who will speak to the device?",
                "An interval is about other rows of the same kind. Are the customers' of the same kind?",
            ),
            "A test set answers for its own kind of rows. The world is measured in the world.",
        ),
        "b",
        {
            "a": "On commands of the same makers. Real customers may speak otherwise.",
            "c": "What would it be compared with? The brief is met; find out what is missing first.",
        },
    ),
)
