"""Data sets: read, rendered by a template, split and turned into tokens.

A row that cannot be used is named with its number and the reason; nothing is dropped unsaid.
"""

from .examples import Example, PairTokens, SentencePair, Splits, Tokens, WeightedTokens
from .load import load
from .objects import rows_of, write_rows
from .prompts import prompt_ids
from .read import is_hub_id
from .sentences import (
    passage_pairs,
    prompt_for,
    sentence,
    sentence_pairs,
    sentences,
    tokenize_for,
)
from .tokens import describe, texts_of, tokenize
from .unseen import Unseen, drawn, load_unseen, trained_on

__all__ = [
    "Example",
    "PairTokens",
    "SentencePair",
    "Splits",
    "Tokens",
    "Unseen",
    "WeightedTokens",
    "describe",
    "drawn",
    "is_hub_id",
    "load",
    "load_unseen",
    "passage_pairs",
    "prompt_for",
    "prompt_ids",
    "rows_of",
    "sentence",
    "sentence_pairs",
    "sentences",
    "texts_of",
    "tokenize",
    "tokenize_for",
    "trained_on",
    "write_rows",
]
