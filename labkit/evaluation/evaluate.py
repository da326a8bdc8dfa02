"""The worker's way in: rows of a data set to an evaluation, tokenised as in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .answers import GenerationEvaluation, evaluate_generation
from .classify import Evaluation, evaluate_classification
from .kinds import Model, Progress, Tokenizer

if TYPE_CHECKING:
    from ..data import Example, Splits


def evaluate(
    model: Model,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    splits: Splits,
    max_length: int,
    progress: Progress | None = None,
) -> Evaluation | GenerationEvaluation:
    """Evaluate a model on rows of a data set.

    Args:
        model: A causal language model, with or without an adapter.
        tokenizer: Its tokenizer.
        examples: The rows, `labkit.data.Example`.
        splits: Says what is asked: its `task` and `labels` are read.
        max_length: Most tokens of a row, as in training.
        progress: Called with (rows done, rows in all).
    """
    from ..data import tokenize

    if splits.task != "classification":
        tokens, _ = tokenize(examples, tokenizer, max_length=max_length)
        references = [example.completion for example in examples]
        return evaluate_generation(model, tokenizer, tokens, references, progress=progress)
    rows = label_rows(tokenizer, examples, splits.labels, max_length)
    return evaluate_classification(
        model, rows.end, rows.prompts, rows.completions, rows.gold, progress
    )


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
