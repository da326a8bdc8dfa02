"""One answer of an exported model: when it ends, and its pieces as they come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..data.text_tokenizer import TextTokenizer
from ..errors import DataError, SpecError
from .onnx_model import OnnxModel
from .sampling import Sampling
from .text import pieces, until


@dataclass(frozen=True)
class Writing:
    """When an answer ends and how its tokens are taken.

    Raises:
        SpecError: A value is beyond its rule.
    """

    max_new_tokens: int = 64
    """Longest answer, tokens; the model's end token ends earlier."""

    stop: tuple[str, ...] = ()
    """Texts that end the answer; they are not part of it."""

    sampling: Sampling = field(default_factory=Sampling)
    """How each token is taken."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            hint = "Ask for 16 for a label, 128 for a paragraph."
            raise SpecError(
                f"max_new_tokens must be at least 1; got {self.max_new_tokens!r}.", hint
            )
        if "" in self.stop:
            raise SpecError("A stop text must have a character; got ''.", hint="Leave it out.")


class Stream(Iterator[str]):
    """The pieces of one answer as they come; counts what was read and written.

    Args:
        model: Who answers.
        tokenizer: Its tokenizer.
        ids: `(n,)` token ids of the prompt.
        how: When the answer ends and how its tokens are taken.
    """

    def __init__(
        self, model: OnnxModel, tokenizer: TextTokenizer, ids: Sequence[int], how: Writing
    ) -> None:
        room = model.context_length - len(ids)
        if room < 1:
            rule = f"A prompt must leave room in the model's {model.context_length} tokens"
            raise DataError(f"{rule}; it has {len(ids)}.", hint="Shorten the prompt.")
        self.n_prompt_tokens = len(ids)
        self.n_new_tokens = 0
        self.ended: Literal["stop", "length"] | None = None
        """Why the answer ended: by itself or a stop text, or for lack of room; None so far."""
        self._most = min(how.max_new_tokens, room)
        self._tokens = model.stream(ids, self._most, tokenizer.eos_ids, how.sampling.picker())
        self._pieces = until(pieces(tokenizer.decode, self._counted()), how.stop)

    @property
    def is_read(self) -> bool:
        """Whether the whole prompt was read, so that the next piece is a token away."""
        return self._tokens.is_read

    def read(self) -> None:
        """Read the next part of the prompt; what is left is read when a piece is asked for."""
        self._tokens.read()

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except StopIteration:
            self.ended = self.ended or "stop"
            raise

    def _counted(self) -> Iterator[int]:
        for token in self._tokens:
            self.n_new_tokens += 1
            yield token
        self.ended = "length" if self.n_new_tokens == self._most else "stop"
