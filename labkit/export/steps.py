"""The steps of an export that run in a process of their own; all take and return JSON values."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from .answering import ask_onnx, ask_torch, open_onnx
from .bottleneck import insert_bottlenecks, read_bottlenecks
from .check import Reference, compare, reference_of
from .embedding import quantize_all
from .merge import fold, save_merged
from .torch_model import Answering, TorchModel
from .tuned import Tuned, load_plain

ROWS = ("held_out", "text")
"""What a reference is kept of: the run's own rows, and our text, which nobody continues."""

SHARD = "150MB"
"""Size of a file of the merged model, which only the exporter reads."""


def reference(
    tuned: dict[str, Any],
    rows: dict[str, list[list[int]]],
    question: dict[str, Any] | None,
    answers: str,
    merged: str | None,
) -> dict[str, Any]:
    """Keep what the tuned model answers; hold its base, and where asked for the merged one, by it.

    PyTorch loads once: an adapter is switched off for its base, then folded in.

    Args:
        tuned: Of `Tuned.as_json`.
        rows: Token ids by the names of `ROWS`.
        question: Of `HeldOut.question`; None where its answers are known.
        answers: Folder of what is kept.
        merged: New folder of the merged model.

    Returns:
        `answers` to the question, the comparisons of `base` and `merged`, and the seconds that
        all of these took.
    """
    whole = Tuned.from_json(tuned)
    model = whole.load()
    watch, found = Stopwatch(), dict[str, Any](answers=None, base=None)
    with watch:
        _keep(TorchModel(model), rows, Path(answers))
        if question:
            found["answers"] = ask_torch(model, question, whole.learned)
        if hasattr(model, "disable_adapter") and not whole.labels:
            with model.disable_adapter():
                found["base"] = _distances(TorchModel(model), Path(answers))
    if merged:
        model = fold(model)
        with watch:
            found["merged"] = _distances(TorchModel(model), Path(answers))
        _write(model, whole, merged)
    return {**found, "answering_seconds": watch.seconds}


def merge_apart(
    tuned: dict[str, Any], rows: dict[str, list[list[int]]], answers: str, own: str, merged: str
) -> dict[str, Any]:
    """Merge a run on a base in 4 bits into the base in full; return how far that takes it.

    Args:
        tuned: Of `Tuned.unquantised`.
        rows: As for `reference`.
        answers: What the model answers as it was trained.
        own: Folder of what the merged model answers.
        merged: New folder of the merged model.
    """
    whole = Tuned.from_json(tuned)
    model = whole.load()
    model = fold(model)
    _keep(TorchModel(model), rows, Path(own))
    found = _distances(TorchModel(model), Path(answers))
    _write(model, whole, merged)
    return found


def answer(tuned: dict[str, Any], rows: list[list[int]], answers: str) -> None:
    """Keep what the tuned model answers."""
    model = Tuned.from_json(tuned).load()
    reference_of(TorchModel(model), rows).save(Path(answers))


def merge(
    tuned: dict[str, Any], rows: list[list[int]], before: str, after: str, merged: str
) -> None:
    """Keep what the tuned model answers, merge it, keep that too; PyTorch loads once."""
    whole = Tuned.from_json(tuned)
    model = whole.load()
    reference_of(TorchModel(model), rows).save(Path(before))
    model = fold(model)
    reference_of(TorchModel(model), rows).save(Path(after))
    save_merged(model, whole.base, Path(merged))


def insert(folder: str, adapter: str, out: str) -> int:
    """Put bottleneck adapters into an fp32 graph and call it `out`; return how many."""
    if not Path(out).is_dir():
        insert_bottlenecks(Path(folder), Path(adapter))
        Path(folder).rename(out)
    return len(read_bottlenecks(Path(adapter)))


def quantize(full: str, out: str, precision: str, grids: str | None = None) -> dict[str, Any]:
    """Quantise weights and embedding; return how it was done.

    Args:
        full: Folder of the fp32 model.
        out: New folder.
        precision: "int8" or "int4".
        grids: What `calibrate` wrote, for int4.
    """
    with _whole(Path(out)) as part:
        kept = quantize_all(Path(full), part, precision, Path(grids) if grids else None)
    return {"embedding": kept}


def check(
    folder: str, answers: dict[str, str], question: dict[str, Any] | None, target: str
) -> dict[str, Any]:
    """Load an ONNX model, compare it with kept answers, and let it answer the question.

    Args:
        folder: Of the model.
        answers: Folders of kept answers; the result has their comparisons by the same names.
        question: Of `HeldOut.question`.
        target: What the model is made for.
    """
    model = open_onnx(Path(folder), target)
    found = {name: _distances(model, Path(kept)) for name, kept in answers.items()}
    return {**found, "answers": ask_onnx(model, question) if question else None}


def torch_parity(folder: str, answers: list[str], trust_remote_code: bool) -> list[dict[str, Any]]:
    """Compare a Hugging Face folder with each of the kept answers."""
    model = TorchModel(load_plain(Path(folder), trust_remote_code))
    return [compare(Reference.load(Path(kept)), model).as_dict() for kept in answers]


def _keep(model: TorchModel, rows: dict[str, list[list[int]]], folder: Path) -> None:
    """Keep what a model says after the rows, and how it continues the first held-out ones."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in filter(rows.get, ROWS):
        continued = name == "held_out" and not model.is_classifier
        greedy = {} if continued else {"n_greedy": 0}
        reference_of(model, rows[name], **greedy).save(folder / name)


def _distances(model: Answering, folder: Path) -> dict[str, Any]:
    """Compare a model with what `_keep` kept."""
    found = {name: folder / name for name in ROWS if (folder / name).is_dir()}
    return {name: compare(Reference.load(path), model).as_dict() for name, path in found.items()}


def _write(model: Any, whole: Tuned, merged: str) -> None:  # noqa: ANN401 - a torch module
    """Write a merged model to a new folder."""
    shutil.rmtree(merged, ignore_errors=True)
    save_merged(model, whole.base, Path(merged), whole.labels, SHARD)


class Stopwatch:
    """Adds up the seconds that went by inside it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += perf_counter() - self._began


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """Give a new folder that becomes `out` when all went well."""
    part = out.with_name(f"{out.name}.part")
    for folder in (part, out):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        yield part
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)  # a full disk gets its room back
