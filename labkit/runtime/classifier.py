"""Classify with an exported model that has a head: a row is one forward pass."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ExportError
from .cache import Cache
from .folder import section
from .ids import Ids
from .onnx_model import Logits, OnnxModel
from .scoring import Tokens, log_softmax, require_tokens, shared_start


class OnnxClassifier:
    """A model with a classification head in a folder that `export_onnx` wrote.

    Args:
        folder: Holds `model.onnx`, and in `labkit.json` the labels.
        threads: Threads per operator; ONNX Runtime's own choice when None.

    Raises:
        ExportError: The folder holds a language model.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self.labels: tuple[str, ...] = tuple(section(Path(folder), "model").get("labels", ()))
        if not self.labels:
            hint = "Name an export of a run with head: true, or load it as a language model."
            raise ExportError(f"The model in {folder} has no classification head.", hint)
        self.model = OnnxModel(folder, threads=threads)

    def logits(self, input_ids: Ids, past: Cache | None = None) -> tuple[Logits, Cache]:
        """Return `(1, labels)` float32 logits after the last of `(n,)` tokens, and the cache."""
        logits, cache = self.model.logits(input_ids, past)
        return logits[-1:], cache

    def scores(self, prompts: Sequence[Tokens]) -> npt.NDArray[np.float64]:
        """Return `(rows, labels)`: log-probability in nats of each label after each prompt.

        What all prompts begin with is read once.
        """
        if not prompts:
            return np.empty((0, len(self.labels)))
        require_tokens("row", prompts)
        start = shared_start(prompts)
        shared = self.model.logits(prompts[0][:start])[1] if start else None
        return np.stack([log_softmax(self.logits(p[start:], shared)[0][0]) for p in prompts])
