"""New tokens after a prompt: it is read in parts, then each token is read to find the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from .cache import Cache
from .ids import Ids
from .sampling import Pick

if TYPE_CHECKING:
    from .onnx_model import OnnxModel

PART = 64
"""Tokens of a prompt that are read at a time: other answers go on in between, and a long prompt's
logits, a vocabulary a token, never lie in memory all together."""


class Decoding(Iterator[int]):
    """The tokens that a model writes after a prompt, one at a time.

    Args:
        model: Who writes them.
        prompt_ids: `(n,)` token ids.
        max_new_tokens: Most tokens; fewer where the context is full or an end token comes.
        eos_ids: End tokens; they are not among those written.
        pick: Takes a token by its `(vocab,)` logits.
    """

    def __init__(
        self,
        model: OnnxModel,
        prompt_ids: Ids,
        max_new_tokens: int,
        eos_ids: Collection[int],
        pick: Pick,
    ) -> None:
        self._model, self._ids = model, prompt_ids
        self._cache: Cache | None = None
        self._most = min(max_new_tokens, model.context_length - len(prompt_ids))
        self._tokens = self._written(eos_ids, pick)

    @property
    def is_read(self) -> bool:
        """Whether the whole prompt was read."""
        return self._cache is not None and self._cache.length >= len(self._ids)

    def read(self) -> None:
        """Read the next part of the prompt; what is left is read when the first token is asked."""
        start = self._cache.length if self._cache else 0
        self._go_on(self._ids[start : start + PART])

    def __next__(self) -> int:
        return next(self._tokens)

    def _written(self, eos_ids: Collection[int], pick: Pick) -> Iterator[int]:
        while not self.is_read:
            self.read()
        for left in range(self._most, 0, -1):
            token = pick(self._logits)
            if token in eos_ids:
                return
            yield token
            if left > 1:
                self._go_on([token])

    def _go_on(self, ids: Ids) -> None:
        logits, self._cache = self._model.logits(ids, self._cache)
        self._logits: npt.NDArray[Any] = logits[-1]
