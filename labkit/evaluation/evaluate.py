"""The worker's way in: rows of a data set to an evaluation of their task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import training
from .answers import ANSWERED, GenerationEvaluation, Writing, evaluate_generation
from .classify import Evaluation, evaluate_classification
from .head import evaluate_head
from .kinds import Model, Progress, Tokenizer
from .nearest import Retrieval, evaluate_nearest
from .rows import label_rows, sentence_rows, text_rows
from .scores import metrics_for

if TYPE_CHECKING:
    from ..data import Example, Splits


def evaluate(  # noqa: PLR0913 - the one way in; all but six are by name
    model: Model,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    splits: Splits,
    max_length: int,
    progress: Progress | None = None,
    *,
    names: Sequence[str] | None = None,
    answered: int | None = ANSWERED,
    max_new_tokens: int | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    prior_correction: Sequence[int] | None = None,
    outputs: Sequence[str] = (),
) -> Evaluation | GenerationEvaluation | Retrieval:
    """Evaluate a model on rows of a data set.

    Args:
        model: A causal language model or an encoder, with or without an adapter.
        tokenizer: Its tokenizer.
        examples: The rows, `labkit.data.Example`; at least one.
        splits: Says what is asked: its `task` and `labels` are read.
        max_length: Most tokens of a row, as in training.
        progress: Called with (rows done, rows in all).
        names: Metrics of `METRICS`; None for those of the task.
        answered: Text tasks: most rows that are answered; None for all.
        max_new_tokens: Text tasks: longest answer; None for the longest reference and a quarter.
        temperature: Text tasks: 0 takes the likeliest token; above it, tokens are drawn.
        seed: Seed of drawn tokens and of the bootstrap.
        prior_correction: Classification: token ids of a prompt without content; each label's
            likelihood is divided by that after it. `content_free_prompt` makes one.
        outputs: A classification head: its labels in the order of its outputs; left out, that of
            `splits`.
    """
    if training.embeds(model):
        texts = sentence_rows(tokenizer, examples, splits, max_length)
        nearest = evaluate_nearest(model, texts, progress=progress, seed=seed)
        return nearest.only(names) if names else nearest
    if splits.task != "classification":
        rows = text_rows(tokenizer, examples, max_length)
        named = names or metrics_for(splits.task, rows.references)
        how = Writing(answered, max_new_tokens, temperature, seed)
        return evaluate_generation(model, tokenizer, rows, named, how, progress)
    forms = label_rows(tokenizer, examples, splits.labels, max_length)
    if training.has_head(model):
        found = evaluate_head(
            model, forms, outputs, prior=prior_correction, progress=progress, seed=seed
        )
    else:
        found = evaluate_classification(
            model, forms, prior=prior_correction, progress=progress, seed=seed
        )
    return found.only(names) if names else found
