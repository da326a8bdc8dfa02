"""Exercises of lab 04: fine-tuning with Microsoft Olive."""

from collections.abc import Mapping
from typing import Any

from ...run import Run
from ..exercise import About, Exercise, choice, number, said, trap

SETTINGS = {"lora_r": 16, "max_steps": 100, "batch": 16}
PROVIDERS = {
    "cpu": "cpuexecutionprovider",
    "nvidia gpu": "cudaexecutionprovider",
    "any gpu on windows": "dmlexecutionprovider",
}
FIXED = 97


def _plain(answer: Mapping[Any, Any]) -> dict[str, str]:
    return {said(key): said(value) for key, value in answer.items()}


def _is_mapping(answer: Any) -> bool:  # noqa: ANN401 - a learner's
    return isinstance(answer, Mapping)


def _numbers(answer: Mapping[Any, Any]) -> dict[str, float]:
    return {said(key): float(value) for key, value in answer.items()}


def _smaller() -> float:
    rungs: Any = Run("models-llama-ft/onnx").metrics["rungs"]
    return float(rungs["fp32"]["size_bytes"] / rungs["int8"]["size_bytes"])


EXERCISES = (
    Exercise(
        "4.1",
        "What stands in the spec?",
        ("settings",),
        "a dictionary with the keys lora_r, max_steps and batch",
        _is_mapping,
        lambda answer: _numbers(answer) == SETTINGS,
        (
            trap(
                {**SETTINGS, "batch": 4},
                "Four rows at a time, four times before each step: the step sees more rows than four.",
                lambda answer: _numbers(answer).get("batch") == 4,
            ),
            trap(
                {**SETTINGS, "batch": 8},
                "The two numbers multiply: four times four rows.",
                lambda answer: _numbers(answer).get("batch") == 8,
            ),
            trap(
                {"lora_r": 16, "max_steps": 100},
                "All three are asked for: lora_r, max_steps and batch.",
                lambda answer: len(answer) < len(SETTINGS),
            ),
        ),
        "Read the command's last options once more, and what the explanation made of them.",
        (
            "per_device_train_batch_size · gradient_accumulation_steps is the batch.",
            'settings = {"lora_r": …, "max_steps": …, "batch": 4 * 4}',
        ),
        "Other names, the same numbers.",
    ),
    choice(
        About(
            "4.2",
            "Which difference matters most?",
            "difference",
            (
                "Look for the word loss in the explanation.",
                "What should the model learn to write: the question or the answer?",
            ),
            "With short answers after long questions nearly all of the loss would be about the question.",
        ),
        "a",
        {
            "b": "Then it would learn to ask questions. It is the completion that counts.",
            "c": "Read the explanation's part on what differs: it names the loss.",
        },
    ),
    number(
        About(
            "4.3",
            "Characters without loss",
            "fixed",
            (
                "Take {tone} and {phrase} out of the template and count what is left.",
                'len(template.replace("{phrase}", "").replace("{tone}", ""))',
            ),
            "More fixed text than phrase: each row pays for it in time, not in loss.",
        ),
        FIXED,
        {
            FIXED + 8: "That counts {phrase} itself.",
            FIXED + 2: "A newline is one character; you counted a backslash and an n.",
            FIXED + 14: "That counts {phrase} and {tone}.",
            FIXED - 2: "Two newlines belong to it.",
        },
        "All characters of the template but {phrase} and {tone}.",
    ),
    Exercise(
        "4.4",
        "Which provider for which device?",
        ("providers",),
        "a dictionary from device to provider",
        _is_mapping,
        lambda answer: _plain(answer) == PROVIDERS,
        (
            trap(
                {**PROVIDERS, "any gpu on windows": "cudaexecutionprovider"},
                "CUDA is NVIDIA's; DirectML computes on any GPU that Windows knows.",
                lambda answer: _plain(answer).get("any gpu on windows") == "cudaexecutionprovider",
            ),
            trap(
                {**PROVIDERS, "nvidia gpu": "dmlexecutionprovider"},
                "DirectML would work for it on Windows, but the provider made for NVIDIA's is another.",
                lambda answer: _plain(answer).get("nvidia gpu") == "dmlexecutionprovider",
            ),
            trap(
                {"cpu": "cpuexecutionprovider"},
                "Three devices are asked for.",
                lambda answer: len(answer) < len(PROVIDERS),
            ),
        ),
        "Dml is DirectML, CUDA is NVIDIA's.",
        (
            "Each provider's name begins with what it computes with.",
            "Dml stands for DirectML, which is part of Windows.",
        ),
        "The same file, another provider: that is what an exchange format is for.",
    ),
    number(
        About(
            "4.5",
            "How much smaller?",
            "smaller",
            (
                "Divide the larger by the smaller.",
                'rungs["fp32"]["size_bytes"] / rungs["int8"]["size_bytes"]',
            ),
            "Nearly four: one byte a weight in place of four, and a scale for each channel.",
        ),
        _smaller,
        {
            lambda: 1 / _smaller(): "That is the share that is left; divide the other way round.",
            4.0: "Nearly. Take the sizes as they are: scales and some tensors are kept in more than a byte.",
            lambda: 100 / _smaller(): "That is the share that is left, in per cent.",
        },
        "The size in fp32 over the size in int8.",
        within=1e-3,
    ),
)
