"""What a model answered where it was made, kept so that it can be asked the same elsewhere.

`record` and `replay` open the graph, so they are called in a process of their own.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.text_tokenizer import TextTokenizer
from ...runtime.folder import section
from ...runtime.prompt import prompt_ids
from ..answering import is_classifier, open_onnx

SECTION = "probe"

TEXT = "The ferry left the harbour at noon, and by evening the island lay in front of us."
"""A prompt that is nobody's data."""

TOLERANCE = {"fp32": 0.01, "int8": 0.5, "int4": 1.0}
"""How far a logit may be on another processor: quantised weights meet rounded activations, and
what a kernel rounds how depends on the instructions that a processor has."""

N_LOGITS, N_NEW = 8, 16

Logits = npt.NDArray[np.float32]


def record(folder: str, precision: str) -> dict[str, Any]:
    """Return what a model answers now: token ids, its largest logits, its next tokens.

    Args:
        folder: Holds the graph and the tokenizer.
        precision: Of its weights.

    Returns:
        The section `probe` of `labkit.json`. Its tokens end before the first that a difference
        within the tolerance could change.
    """
    place = Path(folder)
    model, ids = open_onnx(place), prompt_ids(TEXT, TextTokenizer(place))
    tolerance = TOLERANCE.get(precision, max(TOLERANCE.values()))
    tokens = [] if is_classifier(place) else model.generate(ids, N_NEW)
    logits, _ = model.logits([*ids, *tokens[:-1]])
    after = logits[-max(1, len(tokens)) :]
    best = np.argsort(after[0])[::-1][:N_LOGITS]
    return {
        "text": TEXT,
        "ids": ids,
        "logits": {str(int(token)): round(float(after[0, token]), 5) for token in best},
        "tokens": tokens[: n_decided(after, 2 * tolerance)],
        "tolerance": tolerance,
    }


def n_decided(logits: Logits, margin: float) -> int:
    """Return how many tokens come before the first whose two best logits are near each other.

    Args:
        logits: `(tokens, vocab)` that each token was chosen from.
        margin: Least distance of the best logit from the second.
    """
    top = np.sort(logits, axis=-1)[:, -2:]
    near = np.flatnonzero(top[:, 1] - top[:, 0] <= margin)
    return int(near[0]) if len(near) else len(logits)


def replay(folder: str) -> dict[str, Any]:
    """Return what a model answers now to what was recorded with it."""
    place = Path(folder)
    kept, model = section(place, SECTION), open_onnx(place)
    logits, _ = model.logits(kept["ids"])
    return {
        "ids": prompt_ids(kept["text"], TextTokenizer(place)),
        "logits": {token: float(logits[-1, int(token)]) for token in kept["logits"]},
        "tokens": model.generate(kept["ids"], len(kept["tokens"])) if kept["tokens"] else [],
    }


def fault(kept: dict[str, Any], got: dict[str, Any]) -> str:
    """Return how an answer differs from the one that was recorded; nothing where it does not."""
    if got["ids"] != kept["ids"]:
        return "the tokenizer reads the recorded text as other tokens"
    apart = [abs(got["logits"][token] - kept["logits"][token]) for token in kept["logits"]]
    if not max(apart) <= kept["tolerance"]:  # a NaN must not pass
        rule = f"its logits may be {kept['tolerance']:g} from those recorded"
        return f"{rule}; the largest difference is {max(apart):.3g}"
    pairs = enumerate(zip(kept["tokens"], got["tokens"], strict=True), 1)
    first = next((at for at, (wanted, found) in pairs if wanted != found), None)
    return "" if first is None else f"new token {first} is another than the one recorded"
