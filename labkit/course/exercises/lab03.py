"""Exercises of lab 03: types of fine-tuning."""

from collections.abc import Mapping
from typing import Any

from ...run import Run
from ..exercise import About, Exercise, number, said, trap
from .verdicts import compared

WEIGHTS = 134_515_008
METRICS = {"classification": "accuracy", "extraction": "field_f1", "summarisation": "rougeL"}


def _bytes(name: str) -> int:
    return (Run("lora").adapter / name).stat().st_size


def _is_metrics(answer: Mapping[Any, Any]) -> bool:
    return {said(task): said(metric) for task, metric in answer.items()} == {
        task: metric.lower() for task, metric in METRICS.items()
    }


def _has(task: str, metric: str, answer: Mapping[Any, Any]) -> bool:
    return {said(k): said(v) for k, v in answer.items()}.get(task) == metric.lower()


def _swapped(task: str, metric: str) -> dict[str, str]:
    return {**METRICS, task: metric}


EXERCISES = (
    number(
        About(
            "3.1",
            "Memory of full fine-tuning",
            "full_gb",
            (
                "Four numbers for each weight: itself, its gradient, two running means.",
                "16 bytes for each of the 134 515 008 weights, divided by 10⁹.",
            ),
            "2.15 GB, before anything is computed.",
        ),
        WEIGHTS * 16 / 1e9,
        {
            WEIGHTS
            * 4
            / 1e9: "That is the weights alone. Gradients and the two means come on top.",
            WEIGHTS
            * 8
            / 1e9: "Weights and gradients. AdamW keeps two more numbers for each weight.",
            WEIGHTS * 12 / 1e9: "One of four is missing: weight, gradient, and two running means.",
            WEIGHTS * 16: "Right, in bytes. A GB is 10⁹ of them.",
            WEIGHTS * 16 / 2**30: "That is in GiB (2³⁰ bytes). One GB is 10⁹ bytes here.",
        },
        "Count four float32 numbers for each weight: 16 bytes.",
        within=0.005,
    ),
    number(
        About(
            "3.2",
            "Parameters of LoRA on q and v",
            "lora_parameters",
            (
                "A map d_in → d_out brings r · d_in in A and d_out · r in B.",
                "q: 8 · (576 + 576), v: 8 · (576 + 192), both 30 times.",
            ),
            "0.34 % of the model.",
        ),
        460_800,
        {
            15_360: "That is one layer. The model has 30.",
            276_480: "That is q alone, or A alone of both: v learns a correction, too, and so does B.",
            2_442_240: "That is all seven maps of a layer; here only q and v have adapters.",
            30 * (576 * 576 + 576 * 192): "That is W itself. LoRA learns A and B beside it.",
        },
        "Sum r · (d_in + d_out) over q and v, times 30 layers.",
    ),
    number(
        About(
            "3.3",
            "Bits of a weight in QLoRA",
            "bits_per_weight",
            (
                "64 weights share one scale of 32 bits.",
                "4 bits of code, and a 64th of 32 bits.",
            ),
            "4.5 bits in place of 32. The output layer and the embedding stay whole.",
        ),
        4.5,
        {
            4: "That is the code alone. Each block of 64 weights has a scale as well.",
            36: "The scale is shared by 64 weights; each has a 64th of it.",
            0.5625: "That is bytes; asked for are bits.",
            5: "The scale is float32 (32 bits), shared by 64 weights: half a bit each.",
        },
        "Add to the 4 bits of a code its share of the block's scale.",
    ),
    compared(
        About(
            "3.4",
            "Is LoRA better than QLoRA here?",
            "verdict",
            (
                "An interval is a pair: low, high.",
                "Better: lora's low end is above qlora's high end. Worse: the other way round.",
            ),
            "The larger number alone is no evidence.",
        ),
        "lora",
        "qlora",
    ),
    number(
        About(
            "3.5",
            "How large is what LoRA saved?",
            "share",
            (
                "path.stat().st_size is a file's size in bytes.",
                "Divide the bytes of the file by 538 060 032.",
            ),
            "One base model and a small file for each task: that is why adapters are switched.",
        ),
        lambda: _bytes("adapter_model.safetensors") / 538_060_032,
        {
            lambda: _bytes(
                "adapter_model.safetensors"
            ): "That is the size in bytes. Divide it by the model's.",
            lambda: (
                100 * _bytes("adapter_model.safetensors") / 538_060_032
            ): "That is in per cent; a share is between 0 and 1.",
            lambda: (
                538_060_032 / _bytes("adapter_model.safetensors")
            ): "That is how many adapters fit into one model: turn it round.",
        },
        "Take the file's st_size, and divide it by 538 060 032.",
        within=0.001,
    ),
    Exercise(
        "3.6",
        "Which metric for which task?",
        ("metric_of",),
        "a mapping of the three tasks to metrics",
        lambda answer: isinstance(answer, Mapping) and len(answer) > 0,
        _is_metrics,
        (
            trap(
                lambda: _swapped("extraction", "accuracy"),
                "Accuracy counts an answer with one wrong field of five as all wrong; field_f1 counts fields.",
                lambda answer: _has("extraction", "accuracy", answer),
            ),
            trap(
                lambda: _swapped("summarisation", "accuracy"),
                "Two good summaries are rarely the same text; accuracy would call both wrong.",
                lambda answer: _has("summarisation", "accuracy", answer),
            ),
            trap(
                lambda: _swapped("classification", "rougeL"),
                "A label is right or wrong: there is no wording to overlap with.",
                lambda answer: _has("classification", "rougeL", answer),
            ),
        ),
        "Each of the three tasks gets another one of the three metrics.",
        (
            "A label is right or wrong. A JSON object has fields. A summary has wording.",
            "Write it as {'classification': …, 'extraction': …, 'summarisation': …}.",
        ),
    ),
)
