"""A model as a comparison sees it; PyTorch's made to look as those of ONNX Runtime do."""

from collections.abc import Collection, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

N_SIDE_BY_SIDE = 256
"""Most tokens that are read in one go, unless one row is longer: their logits lie in memory."""

Logits = npt.NDArray[np.float32]


class Answering(Protocol):
    """A model as a comparison sees it; `OnnxModel` is one."""

    def logits(self, input_ids: list[int], /) -> tuple[Logits, Any]:
        """Return `(n, vocab)` logits after each of `(n,)` tokens, and what nobody needs here."""

    def generate(
        self, prompt_ids: list[int], max_new_tokens: int, eos_ids: Collection[int] = (), /
    ) -> list[int]:
        """Return the likeliest new tokens, up to the first of `eos_ids`."""


class TorchModel:
    """A PyTorch causal language model, answering as an `OnnxModel` does."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - a torch module
        from ..training import has_head

        self._model = model
        self._device = next(model.parameters()).device
        self.is_classifier = has_head(model)
        """Whether it says a label, after all of a row."""

    def logits(self, input_ids: list[int], /) -> tuple[Logits, None]:
        """Return `(n, vocab)` float32 logits after each of `(n,)` tokens; a classifier's last."""
        (logits,) = self._answer([input_ids])
        return logits[-1:] if self.is_classifier else logits, None

    def logits_of(self, rows: list[list[int]]) -> Iterator[Logits]:
        """Yield what `logits` returns of each row; some are read side by side, which saves time.

        The shorter ones go on with a token that nobody looks at: what comes later changes nothing.
        """
        for some in side_by_side(rows):
            longest = max(map(len, some))
            padded = [row + row[-1:] * (longest - len(row)) for row in some]
            for row, logits in zip(some, self._answer(padded), strict=True):
                yield logits[len(row) - 1 : len(row)] if self.is_classifier else logits[: len(row)]

    def _answer(self, rows: list[list[int]]) -> Logits:
        """Return `(rows, n, vocab)` float32 logits of rows of one length."""
        import torch

        with torch.inference_mode():
            answer = self._model(input_ids=torch.tensor(rows, device=self._device))
        logits: Logits = answer.logits.float().cpu().numpy()
        return logits

    def generate(
        self, prompt_ids: list[int], max_new_tokens: int, eos_ids: Collection[int] = (), /
    ) -> list[int]:
        """Return the likeliest new tokens, up to the first of `eos_ids`."""
        return self.generate_all([prompt_ids], max_new_tokens, eos_ids)[0]

    def generate_all(
        self, prompts: list[list[int]], max_new_tokens: int, eos_ids: Collection[int] = (), /
    ) -> list[list[int]]:
        """Return what `generate` says after each prompt; they are answered side by side."""
        from ..evaluation import continuations

        return continuations(self._model, prompts, max_new_tokens, eos_ids)

    def following(self, prompt_ids: list[int], tokens: list[int]) -> list[int]:
        """Return the likeliest token before each of `tokens`, all read at once.

        Up to the first that differs these are what `generate` says, at the price of one reading.
        """
        logits, _ = self.logits([*prompt_ids, *tokens[:-1]])
        found: list[int] = logits[len(prompt_ids) - 1 :].argmax(axis=-1).tolist()
        return found


def generate_all(
    model: Answering, prompts: list[list[int]], max_new_tokens: int, eos_ids: Collection[int] = ()
) -> list[list[int]]:
    """Return what `model.generate` says after each prompt."""
    if isinstance(model, TorchModel):
        return model.generate_all(prompts, max_new_tokens, eos_ids)
    return [model.generate(prompt, max_new_tokens, eos_ids) for prompt in prompts]


def side_by_side(rows: list[list[int]]) -> Iterator[list[list[int]]]:
    """Yield neighbouring rows, as many as have room beside each other once equally long."""
    some: list[list[int]] = []
    for row in rows:
        if some and (len(some) + 1) * max(map(len, [*some, row])) > N_SIDE_BY_SIDE:
            yield some
            some = []
        some.append(row)
    if some:
        yield some
