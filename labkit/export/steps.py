"""The steps of an export that run in a process of their own; all take and return JSON values."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .builder import quantize_and_tie
from .check import Reference, compare, reference_of
from .merge import load_tuned, save_merged
from .onnx_model import OnnxModel
from .scoring import label_scores_onnx


def answer_and_merge(
    base: str, adapter: str | None, rows: list[list[int]], answers: str, merged: str
) -> None:
    """Keep what the tuned model answers, then merge it; PyTorch loads once."""
    import torch

    torch.set_num_threads(1)  # threads that wait for each other crawl on a busy machine
    model = load_tuned(Path(base), Path(adapter) if adapter else None)
    reference_of(model, rows).save(Path(answers))
    if adapter:
        save_merged(model, Path(base), Path(merged))


def quantize(full: str, out: str, precision: str) -> str | None:
    """Quantise and tie; return why the embedding was not tied, if so."""
    return quantize_and_tie(Path(full), Path(out), precision)


def parity(folder: str, answers: str) -> dict[str, Any]:
    """Return the `Parity` of a model with kept answers."""
    return asdict(compare(Reference.load(Path(answers)), OnnxModel(Path(folder))))


def best_labels(folder: str, prompts: list[list[int]], completions: list[list[int]]) -> list[int]:
    """Return the number of each row's likeliest label."""
    scores = label_scores_onnx(OnnxModel(Path(folder)), prompts, completions)
    best: list[int] = scores.argmax(axis=1).tolist()
    return best
