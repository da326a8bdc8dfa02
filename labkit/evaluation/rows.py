"""Rows of a data set as the token ids that a model of these rows learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from .kinds import Tokenizer

if TYPE_CHECKING:
    from ..data import Example, Splits, Tokens

NO_CONTENT = "N/A"
"""What stands for a text that says nothing (Zhao et al., 2021)."""


@dataclass(frozen=True)
class TextRows:
    """Rows with a reference text."""

    tokens: Sequence[Any]
    """Rows with `input_ids` and `n_prompt`, as `labkit.data.tokenize` makes them."""

    references: Sequence[str]
    """The text that should follow each prompt."""

    prompts: Sequence[str]
    """Each prompt as plain text, for the reader."""


@dataclass(frozen=True)
class LabelRows:
    """Rows to classify, as token ids."""

    prompts: list[list[int]]
    """One per row, up to where the label starts."""

    completions: dict[str, list[int]]
    """Each label as it follows a prompt, without the end token."""

    gold: list[str]
    """The right label of each row."""

    end: int
    """The token that ends a completion."""


@dataclass(frozen=True)
class SentenceRows:
    """Texts for an encoder to answer by what is nearest: a label, or a passage."""

    asked: Sequence[Tokens]
    """Texts to answer."""

    prompts: Sequence[str]
    """The same as text."""

    gold: Sequence[str]
    """The right answer to each."""

    known: Sequence[Tokens]
    """Texts among which the nearest is looked for: training rows, or the passages of all rows."""

    answers: Sequence[str]
    """What each of them stands for: its label, or itself."""

    labels: Sequence[str]
    """All labels; none where passages are looked for."""


def sentence_rows(
    tokenizer: Tokenizer, examples: Sequence[Example], splits: Splits, max_length: int
) -> SentenceRows:
    """Return rows to answer, and what to answer them by.

    Rows with labels are answered by the training rows, others by the completions of these rows.
    """
    from ..data import PairTokens, sentence, sentences

    asked, _ = sentences(examples, tokenizer, max_length=max_length)
    prompts = [sentence(one) for one in examples]
    if splits.labels:
        known, _ = sentences(splits.train, tokenizer, max_length=max_length)
        gold, of = ([str(one.label) for one in some] for some in (examples, splits.train))
        return SentenceRows(asked, prompts, gold, known, of, splits.labels)
    gold = [one.completion.strip() for one in examples]
    passages = [row.other for row in asked if isinstance(row, PairTokens)]
    known_by = dict(zip(gold, passages, strict=True))  # equal ones are one
    return SentenceRows(asked, prompts, gold, [*known_by.values()], [*known_by], ())


def text_rows(tokenizer: Tokenizer, examples: Sequence[Example], max_length: int) -> TextRows:
    """Return rows to answer, with the tokens that training learns."""
    from ..data import tokenize

    tokens, _ = tokenize(examples, tokenizer, max_length=max_length)
    references = [example.completion for example in examples]
    return TextRows(tokens, references, [example.prompt for example in examples])


def label_rows(
    tokenizer: Tokenizer, examples: Sequence[Example], labels: Sequence[str], max_length: int
) -> LabelRows:
    """Return rows and labels as the token ids that a model of these rows learned."""
    from ..data import tokenize

    tokens, _ = tokenize(examples, tokenizer, max_length=max_length)
    forms = relabelled(examples[0], examples, labels)
    rows, _ = tokenize(forms, tokenizer, max_length=max_length)
    return LabelRows(
        prompts=[row.input_ids[: row.n_prompt] for row in tokens],
        completions={
            label: row.input_ids[row.n_prompt : -1] for label, row in zip(labels, rows, strict=True)
        },
        gold=[str(example.label) for example in examples],
        end=rows[0].input_ids[-1],
    )


def relabelled(
    example: Example, examples: Sequence[Example], labels: Sequence[str]
) -> list[Example]:
    """Return one row with each label in turn, written as the rows write it."""
    written = {e.label: e.completion for e in examples}
    return [
        _with_label(example, label, written.get(label, _in_place(example, label)))
        for label in labels
    ]


def _with_label(example: Example, label: str, completion: str) -> Example:
    turns = example.messages
    if turns is not None:
        turns = (*turns[:-1], {**turns[-1], "content": completion})
    return replace(example, label=label, completion=completion, messages=turns)


def _in_place(example: Example, label: str) -> str:
    """Return the row's completion with another label in it, what stands around it kept."""
    before, _, after = str(example.completion).partition(str(example.label))
    return f"{before}{label}{after}"


def content_free_prompt(
    tokenizer: Tokenizer, examples: Sequence[Example], max_length: int
) -> list[int]:
    """Return the token ids of a row's prompt with `N/A` in place of what it was given."""
    from ..data import tokenize

    rows, _ = tokenize([without_content(examples[0])], tokenizer, max_length=max_length)
    return rows[0].input_ids[: rows[0].n_prompt]


def without_content(example: Example) -> Example:
    """Return the row with `N/A` where its prompt, or its chat's turns, hold the text it was given.

    Raises:
        DataError: The row does not say what it was given.
    """
    if not example.given or example.given not in example.prompt:
        raise DataError(
            f"A prior correction needs a prompt around a given text; row {example.row} has none.",
            hint="Give the rows a template with a column in it, or leave prior_correction out.",
        )
    turns = example.messages
    if turns is not None:
        turns = (*(_emptied(turn, example.given) for turn in turns[:-1]), turns[-1])
    return replace(example, prompt=_blank(example.prompt, example.given), messages=turns)


def _emptied(turn: dict[str, Any], given: str) -> dict[str, Any]:
    return {**turn, "content": _blank(str(turn["content"]), given)}


def _blank(text: str, given: str) -> str:
    """Replace the last time a text holds what was given; examples before it may hold it too."""
    before, found, after = text.rpartition(given)
    return before + NO_CONTENT + after if found else text
