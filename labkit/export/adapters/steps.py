"""What is done in a process of its own; all take and return JSON values.

A step for several adapters keeps what it found of each in a file beside the answers: stopped, or
asked again with others among them, it does not do those twice.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ExportError
from ...files import write_json
from ...runtime import OnnxModel
from ..answering import ask_onnx, ask_torch
from ..check import Reference, compare, reference_of
from ..embedding import quantize_all
from ..torch_model import TorchModel
from ..tuned import Tuned
from .sites import add_inputs

SAID = "said.json"
"""What PyTorch answered to the question; written last."""


def answer(asked: list[dict[str, Any]]) -> list[Any]:
    """Keep what PyTorch answers, one model after another; PyTorch is imported once.

    Args:
        asked: Of each model `tuned`, the base alone or with PEFT's own adapter; the `rows` that it
            reads; the `question` of `HeldOut.question`, None where its answers are known; and the
            folder of its `answers`.

    Returns:
        What each answered to its question.
    """
    for one in asked:
        if not (Path(one["answers"]) / SAID).is_file():
            _answer(**one)
    return [json.loads((Path(one["answers"]) / SAID).read_text("utf-8")) for one in asked]


def _answer(
    tuned: dict[str, Any], rows: list[list[int]], question: dict[str, Any] | None, answers: str
) -> None:
    whole, folder = Tuned.from_json(tuned), Path(answers)
    model = whole.load()
    reference_of(TorchModel(model), rows).save(folder)
    write_json(folder / SAID, ask_torch(model, question, whole.learned) if question else None)


def place(full: str, out: str, precision: str) -> None:
    """Make the base in a precision, its graph with the inputs of adapters.

    Args:
        full: The base in fp32.
        out: New folder; it appears when it is complete.
        precision: A quantised one has head and embedding stored once.
    """
    part = Path(f"{out}.part")
    for folder in (part, Path(out)):
        shutil.rmtree(folder, ignore_errors=True)
    if precision == "fp32":
        shutil.copytree(full, part)
    else:
        quantize_all(Path(full), part, precision)
    add_inputs(part)
    part.rename(out)


def check(folder: str, asked: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Compare adapters with kept answers of PyTorch and let each answer its question.

    All share one session. They are switched on in turn, then with none between them and in the
    other order: what was on before must not matter.

    Args:
        folder: The exported base, its graph with the inputs of adapters.
        asked: By an adapter's name its `file`, None for the base alone; the folder of PyTorch's
            `answers`; and the `question`, None where nothing is scored.

    Returns:
        By the same names `held_out`, the comparison, and the `answers`.
    """
    places = {name: Path(of["answers"]) / f"{Path(folder).name}.json" for name, of in asked.items()}
    left = {name: of for name, of in asked.items() if not places[name].is_file()}
    for name, found in (_checked(Path(folder), left) if left else {}).items():
        write_json(places[name], found)
    return {name: json.loads(place.read_text("utf-8")) for name, place in places.items()}


def _checked(folder: Path, asked: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    model = OnnxModel(folder)
    views = {
        name: model.using(Path(of["file"]) if of["file"] else None) for name, of in asked.items()
    }
    kept = {name: Reference.load(Path(of["answers"])) for name, of in asked.items()}
    first = {name: view.logits(kept[name].rows[0])[0] for name, view in views.items()}
    found: dict[str, dict[str, Any]] = {}
    for name, view in views.items():
        question = asked[name]["question"]
        answers = ask_onnx(view, question) if question else None
        found[name] = {"held_out": asdict(compare(kept[name], view)), "answers": answers}
    for name in reversed(views):
        model.logits(kept[name].rows[0])
        if not np.array_equal(first[name], views[name].logits(kept[name].rows[0])[0]):
            hint = "Report this with the versions in env.json; use each run's own export."
            raise ExportError(f"Switched on again, {name or 'none'} answers differently.", hint)
    return found
