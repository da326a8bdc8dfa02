"""What the room hands on: rendered rows, their splits, their tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Example:
    """One rendered row."""

    prompt: str
    """Text before the loss starts; of a chat, its turns as plain text, for people."""

    completion: str
    """Text that is learned; the end-of-turn token is added at tokenisation."""

    label: str | None
    """Classification: the completion without blanks around it; else None."""

    row: int
    """Row number in its source, from 1, for messages."""

    messages: tuple[dict[str, Any], ...] | None = None
    """A chat's turns, rendered by the model's chat template at tokenisation."""

    given: str = ""
    """The longest text filled into the prompt: the document, the phrase; a chat's longest turn."""

    given_at: tuple[int, ...] = ()
    """Where `given` begins in the prompt, characters, for each place it fills; not of a chat."""

    rejected: str | None = None
    """Preference pairs: the completion that is to become less likely; else None."""


@dataclass(frozen=True)
class Splits:
    """The rows of a data set, each in one split."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    """May be empty."""

    labels: tuple[str, ...]
    """Classification: the labels, sorted; else empty."""

    task: str
    """`classification`, `generation`, `extraction` or `summarisation`; of an encoder's rows
    without labels `retrieval`."""

    notes: tuple[str, ...]
    """Sentences for the reader: how the split was made, what is odd in the data."""

    fingerprint: str
    """SHA-256 over the rendered rows of all splits."""

    @property
    def held_out(self) -> tuple[Example, ...]:
        """The rows that judge a model: test if there is one, else validation."""
        return self.test or self.validation

    @property
    def held_out_split(self) -> str:
        """The split of the held-out rows: `test` if there is one, else `validation`."""
        return "test" if self.test else "validation"

    def with_held_out(self, rows: Sequence["Example"]) -> "Splits":
        """Return the same splits with other held-out rows."""
        return replace(self, **{self.held_out_split: tuple(rows)})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Tokens:
    """One row as token ids."""

    input_ids: list[int]
    """Prompt and completion, `(length,)`."""

    n_prompt: int
    """Tokens of the prompt; the rest carries the loss and ends with the end-of-turn token."""


@dataclass(frozen=True)
class WeightedTokens(Tokens):
    """One row as token ids whose targets count more or less than others."""

    weight: float = 1.0
    """How much each of its targets counts."""


@dataclass(frozen=True)
class PairTokens(Tokens):
    """Two rows that are learned together: the prompt with the chosen completion, and its other."""

    other: Tokens
    """The prompt with the rejected completion."""


@dataclass(frozen=True)
class SentencePair(PairTokens):
    """Two sentences as token ids; nothing of them is predicted, so all is prompt."""

    apart: bool
    """Whether they mean different things."""
