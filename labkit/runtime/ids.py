"""What a graph is fed: known inputs, and token ids as it takes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, ExportError

Ids = npt.NDArray[np.int64] | Sequence[int]
"""`(n,)` token ids."""


def checked_ids(
    input_ids: npt.NDArray[Any], n_read: int, vocab_size: int, context_length: int
) -> npt.NDArray[np.int64]:
    """Return `(rows, n)` token ids as int64.

    Args:
        input_ids: `(rows, n)` ids of any integer type.
        n_read: Tokens read before.
        vocab_size: Ids are smaller.
        context_length: Most tokens that can be read, those before included.

    Raises:
        DataError: They are no ids of this model, or too many.
    """
    if input_ids.ndim != 2 or input_ids.size == 0 or input_ids.dtype.kind not in "iu":
        found = f"{input_ids.dtype} of shape {input_ids.shape[1:]}"
        hint = "Encode the text with the model's tokenizer first."
        raise DataError(f"input_ids must be a row of token ids, one or more; got {found}.", hint)
    low, high = int(input_ids.min()), int(input_ids.max())
    if low < 0 or high >= vocab_size:
        worst = low if low < 0 else high
        hint = "Use the tokenizer that lies beside model.onnx."
        raise DataError(f"Token ids must be from 0 to {vocab_size - 1}; got {worst}.", hint)
    total = n_read + input_ids.shape[1]
    if total > context_length:
        rule = f"The model reads at most {context_length} tokens"
        raise DataError(f"{rule}; got {total}.", hint="Shorten the prompt.")
    return np.ascontiguousarray(input_ids, dtype=np.int64)


def require_known_inputs(names: set[str], folder: Path) -> None:
    """Refuse a graph with inputs that a causal language model does not have."""
    unknown = names - {"input_ids", "attention_mask", "position_ids"}
    if unknown:
        hint = "Run it with onnxruntime-genai instead."
        raise ExportError(f"{folder} wants inputs labkit cannot feed: {sorted(unknown)}.", hint)
