"""Names for what this room is handed; Transformers and PEFT do not type these for a checker."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Model: TypeAlias = Any
"""A causal language model of Transformers, with or without a PEFT adapter."""

Tokenizer: TypeAlias = Any
"""A tokenizer of Transformers."""

Cache: TypeAlias = Any
"""Keys and values of the tokens a Transformers model has read."""

Prompt: TypeAlias = Any
"""Token ids, or the text or messages to make them from."""

Rows: TypeAlias = Sequence[Sequence[int]]
"""Token ids of several rows."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""

Note: TypeAlias = Callable[[str], None]
"""Called with one sentence for the reader."""
