"""What an export is checked on: the run's held-out rows, and a text of ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

N_PARITY_ROWS, N_PARITY_TOKENS = 16, 64
N_TEXT_TOKENS = 128
"""Most tokens of a row of the text: the logits of one row are in memory at a time."""

N_ANSWERED = 24
"""Most rows that are answered with a text; answering costs far more than reading."""

TEXT = Path(__file__).with_name("text.txt")
"""Plain English, the same for every export."""


@dataclass(frozen=True)
class HeldOut:
    """Rows that the model did not learn from, as token ids."""

    prompts: Sequence[Sequence[int]]
    """One per row, up to where the completion starts."""

    completions: Sequence[Sequence[int]] = ()
    """One per label, none of them the beginning of another; empty for a task of texts."""

    labels: Sequence[str] = ()
    """Names, in the order of `completions`."""

    references: Sequence[str] = ()
    """What each row expects: its label, or the text of its completion."""

    task: str = "classification"
    """Says what is measured: `classification`, `generation`, `extraction`, `summarisation`."""

    text: Sequence[Sequence[int]] = ()
    """Our English text in rows of at most 128 tokens."""

    recorded: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What "base" and "adapter" answered to the first rows, where the run has kept it."""

    max_new_tokens: int = 32
    """Longest answer of a task of texts."""

    ends: Sequence[int] = ()
    """Tokens that end an answer."""

    decode: Callable[[list[int]], str] | None = None
    """From an answer's token ids to its text; only a task of texts needs it."""

    is_chat: bool = False
    """Whether the rows are turns of a chat."""

    learned: Sequence[Sequence[int]] = ()
    """Some of the rows that the model learned from, to find int4 weights by."""

    @property
    def n_scored(self) -> int:
        """Rows whose answers are scored, the first ones."""
        if not self.references:
            return 0
        return len(self.prompts) if self.labels else min(N_ANSWERED, len(self.prompts))

    @property
    def wanted(self) -> list[str]:
        """The references of the rows that are scored."""
        return list(self.references[: self.n_scored])

    def question(self) -> dict[str, Any] | None:
        """Return what a step asks a model: labels by likelihood, or texts; None without rows."""
        if not self.n_scored:
            return None
        prompts = as_lists(self.prompts[: self.n_scored])
        if self.labels:
            completions = as_lists(self.completions)
            return {"prompts": prompts, "labels": list(self.labels), "completions": completions}
        ends = {"max_new_tokens": self.max_new_tokens, "ends": list(map(int, self.ends))}
        return {"prompts": prompts, **ends}

    def read(self, answers: Sequence[Any]) -> list[str]:
        """Return what a step answered as texts: labels already, or rows of token ids."""
        if self.labels:
            return list(answers)
        assert self.decode is not None
        return list(map(self.decode, answers))

    def answered_by(self, name: str) -> list[str] | None:
        """Return what a model of the run answered to the scored rows, where it is known."""
        found = list(self.recorded.get(name, ())[: self.n_scored])
        return found if found and len(found) == self.n_scored else None


def parity_rows(held_out: HeldOut, n_rows: int = N_PARITY_ROWS) -> list[list[int]]:
    """Return rows spread over the held-out ones, cut to a length whose logits fit in memory."""
    n_rows = min(n_rows, len(held_out.prompts))
    picked = np.linspace(0, len(held_out.prompts) - 1, n_rows).astype(int)
    return as_lists([held_out.prompts[i][-N_PARITY_TOKENS:] for i in picked])


def text_rows(tokenizer: Any) -> list[list[int]]:  # noqa: ANN401 - a tokenizer of Transformers
    """Return our text as rows of token ids, none longer than `N_TEXT_TOKENS`."""
    ids = tokenizer(TEXT.read_text(encoding="utf-8"))["input_ids"]
    starts = range(0, len(ids), N_TEXT_TOKENS)
    return as_lists([ids[start : start + N_TEXT_TOKENS] for start in starts])


def as_lists(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return token ids as JSON can hold them."""
    return [list(map(int, row)) for row in rows]
