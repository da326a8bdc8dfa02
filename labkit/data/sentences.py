"""Sentences for an encoder: their tokens, and pairs of them that belong together or do not."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from ..errors import DataError
from ..spec import FinetuneSpec
from .examples import Example, PairTokens, SentencePair, Tokens
from .prompts import Tokenizer
from .tokens import texts_of, tokenize


def sentence(example: Example) -> str:
    """Return the text of a row: what was filled into its prompt, without the words around it."""
    return example.given or example.prompt


def sentences(
    examples: Sequence[Example], tokenizer: Tokenizer, *, max_length: int
) -> tuple[list[Tokens], list[str]]:
    """Return the tokens of each row's text, with what the tokenizer puts around it, and notes.

    Rows without labels are pairs: the text and its completion, which belong together. A text that
    is too long loses its end, but for the token that closes it.

    Args:
        examples: Rendered rows.
        tokenizer: The encoder's tokenizer.
        max_length: Most tokens of a text; never more than the encoder can read.
    """
    rows, notes = _tokens([sentence(one) for one in examples], tokenizer, max_length)
    if not examples or examples[0].label is not None:
        return rows, notes
    found, more = _tokens([one.completion.strip() for one in examples], tokenizer, max_length)
    pairs = zip(rows, found, strict=True)
    return [PairTokens(row.input_ids, row.n_prompt, other) for row, other in pairs], notes + more


def _tokens(
    texts: Sequence[str], tokenizer: Tokenizer, max_length: int
) -> tuple[list[Tokens], list[str]]:
    if not texts:
        return [], []
    most = min(max_length, getattr(tokenizer, "model_max_length", max_length))
    whole = tokenizer(list(texts), return_attention_mask=False, verbose=False)["input_ids"]
    kept = [ids if len(ids) <= most else [*ids[: most - 1], ids[-1]] for ids in whole]
    n_cut = sum(len(ids) > most for ids in whole)
    notes = [f"{n_cut} of {len(whole)} texts are longer than {most} tokens and lost their end."]
    return [Tokens(ids, len(ids)) for ids in kept], notes if n_cut else []


class Tokenize(Protocol):
    """Turns rows into tokens, and says what was cut."""

    def __call__(
        self, examples: Sequence[Example], tokenizer: Tokenizer, *, max_length: int
    ) -> tuple[list[Tokens], list[str]]:
        """See `tokenize`."""


def prompt_for(spec: FinetuneSpec, example: Example, tokenizer: Tokenizer) -> str:
    """Return the text that the model of a spec is asked with."""
    return sentence(example) if spec.embeds else texts_of(example, tokenizer)[0]


def tokenize_for(spec: FinetuneSpec) -> Tokenize:
    """Return what turns rows into the tokens that the model of a spec reads."""
    return sentences if spec.embeds else tokenize


def sentence_pairs(rows: Sequence[Tokens], labels: Sequence[str], seed: int) -> list[SentencePair]:
    """Return each row with one drawn of its own label, and with one drawn of another label.

    Args:
        rows: Sentences as token ids.
        labels: The label of each.
        seed: Of what is drawn.

    Raises:
        DataError: All rows have one label.
    """
    if len(set(labels)) < 2:
        raise DataError(
            f"Pairs need rows of two labels at least; got {len(set(labels))}.",
            hint="Add rows of another label.",
        )
    drawn = random.Random(seed)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        places[label].append(place)
    names, pairs = sorted(places), list[SentencePair]()
    for place, label in enumerate(labels):
        like = [other for other in places[label] if other != place]
        if like:
            pairs.append(_pair(rows, place, drawn.choice(like), apart=False))
        other = drawn.choice([name for name in names if name != label])
        pairs.append(_pair(rows, place, drawn.choice(places[other]), apart=True))
    return pairs


def passage_pairs(
    rows: Sequence[PairTokens], passages: Sequence[str], seed: int
) -> list[SentencePair]:
    """Return each row's text with its own passage, and with one drawn of those of other rows.

    Args:
        rows: Texts as token ids, each with its passage.
        passages: The passages as text; equal ones are one.
        seed: Of what is drawn.

    Raises:
        DataError: All rows have one passage.
    """
    if len(set(passages)) < 2:
        raise DataError(
            "Pairs need rows of two different completions at least; all are the same.",
            hint="Check the completion's column.",
        )
    drawn, pairs = random.Random(seed), list[SentencePair]()
    for row, passage in zip(rows, passages, strict=True):
        pairs.append(SentencePair(row.input_ids, row.n_prompt, row.other, apart=False))
        while passages[other := drawn.randrange(len(rows))] == passage:
            pass
        pairs.append(SentencePair(row.input_ids, row.n_prompt, rows[other].other, apart=True))
    return pairs


def _pair(rows: Sequence[Tokens], first: int, second: int, *, apart: bool) -> SentencePair:
    one, two = rows[first], rows[second]
    return SentencePair(one.input_ids, one.n_prompt, two, apart)
