"""The steps of an export that run in a process of their own; all take and return JSON values."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..runtime import OnnxModel, label_scores_onnx
from .bottleneck import insert_bottlenecks
from .builder import quantize_and_tie
from .check import Reference, TorchModel, compare, reference_of
from .merge import fold, save_merged
from .tuned import Tuned, load_plain


def answer(tuned: dict[str, Any], rows: list[list[int]], answers: str) -> None:
    """Keep what the tuned model answers."""
    model = Tuned.from_json(tuned).load()
    _one_thread()
    reference_of(TorchModel(model), rows).save(Path(answers))


def merge(
    tuned: dict[str, Any], rows: list[list[int]], before: str, after: str, merged: str
) -> None:
    """Keep what the tuned model answers, merge it, keep that too; PyTorch loads once."""
    whole = Tuned.from_json(tuned)
    model = whole.load()
    _one_thread()
    reference_of(TorchModel(model), rows).save(Path(before))
    model = fold(model)
    reference_of(TorchModel(model), rows).save(Path(after))
    save_merged(model, whole.base, Path(merged))


def insert(folder: str, adapter: str) -> int:
    """Put bottleneck adapters into an fp32 graph; return how many."""
    return insert_bottlenecks(Path(folder), Path(adapter))


def quantize(full: str, out: str, precision: str) -> str | None:
    """Quantise and tie; return why the embedding was not tied, if so."""
    return quantize_and_tie(Path(full), Path(out), precision)


def parity(folder: str, answers: str) -> dict[str, Any]:
    """Return the `Parity` of a model with kept answers."""
    return asdict(compare(Reference.load(Path(answers)), OnnxModel(Path(folder))))


def torch_parity(folder: str, answers: list[str], trust_remote_code: bool) -> list[dict[str, Any]]:
    """As `parity`, for a Hugging Face folder and each of the answers."""
    _one_thread()
    model = TorchModel(load_plain(Path(folder), trust_remote_code))
    return [asdict(compare(Reference.load(Path(kept)), model)) for kept in answers]


def best_labels(folder: str, prompts: list[list[int]], completions: list[list[int]]) -> list[int]:
    """Return the number of each row's likeliest label."""
    scores = label_scores_onnx(OnnxModel(Path(folder)), prompts, completions)
    best: list[int] = scores.argmax(axis=1).tolist()
    return best


def _one_thread() -> None:
    """Let PyTorch use one thread: those that wait for each other crawl on a busy machine."""
    import torch

    torch.set_num_threads(1)
