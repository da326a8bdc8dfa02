"""What is done in a process of its own; all take and return JSON values."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ExportError
from ...runtime import OnnxModel
from ..builder import quantize_and_tie
from ..check import Reference, compare, reference_of
from ..torch_model import TorchModel
from ..tuned import Tuned


def answer(asked: list[dict[str, Any]]) -> None:
    """Keep what PyTorch answers, one model after another; PyTorch is imported once.

    Args:
        asked: Of each model `tuned`, the base alone or with PEFT's own adapter; the `rows` that it
            reads; and the folder of its `answers`.
    """
    import torch

    for one in asked:
        model = Tuned.from_json(one["tuned"]).load()
        torch.set_num_threads(1)  # threads that wait for each other crawl on a busy machine
        reference_of(TorchModel(model), one["rows"]).save(Path(one["answers"]))
        del model


def quantize(full: str, out: str, precision: str) -> None:
    """Quantise the base; its head and embedding are stored once."""
    quantize_and_tie(Path(full), Path(out), precision)


def parity(
    folder: str, adapters: dict[str, str], answers: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Compare each adapter with kept answers of PyTorch, all in one session.

    They are switched on in turn, then with none between them and in the other order: what was
    on before must not matter.

    Args:
        folder: The exported base, its graph with the inputs of adapters.
        adapters: File of each adapter; none for "".
        answers: Kept answers by the adapter's name; "" for the base alone.
    """
    model = OnnxModel(Path(folder))
    views = {name: model.using(Path(adapters[name]) if name else None) for name in answers}
    kept = {name: Reference.load(Path(path)) for name, path in answers.items()}
    first = {name: view.logits(kept[name].rows[0])[0] for name, view in views.items()}
    found = {name: asdict(compare(kept[name], view)) for name, view in views.items()}
    for name in reversed(views):
        model.logits(kept[name].rows[0])
        if not np.array_equal(first[name], views[name].logits(kept[name].rows[0])[0]):
            hint = "Report this with the versions in env.json; use each run's own export."
            raise ExportError(f"Switched on again, {name or 'none'} answers differently.", hint)
    return found
