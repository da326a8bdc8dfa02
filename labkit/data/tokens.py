"""Examples → tokens: prompt and completion apart, the end of turn learned, nothing cut unsaid."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ..errors import DataError
from .cuts import cut_notes, cuts_of, shorter
from .examples import Example, PairTokens, Tokens
from .prompts import Tokenizer, chat_text, start_ids, text_ids, with_start

MARK = re.compile(r"<\|[^|<>\s]+\|>|<(?:start|end)_of_turn>|\[/?INST\]")
"""What a special token looks like in a template."""


def tokenize(
    examples: Sequence[Example], tokenizer: Tokenizer, *, max_length: int
) -> tuple[list[Tokens], list[str]]:
    """Return the tokens of each example and sentences on what was cut.

    A row that is too long loses the start of its prompt; what all prompts end with (the last
    marker) and the whole completion stay.

    Args:
        examples: Rendered rows.
        tokenizer: The model's tokenizer.
        max_length: Longest row, tokens.

    Raises:
        DataError: A completion would not fit, or the tokenizer has no end token.
    """
    if not examples:
        return [], []
    if examples[0].rejected is not None:
        return _pairs(examples, tokenizer, max_length)
    texts = [texts_of(example, tokenizer) for example in examples]
    start = start_ids(tokenizer)
    prompts = [
        ids if example.messages is not None else with_start(ids, start)
        for example, ids in zip(examples, text_ids([p for p, _ in texts], tokenizer), strict=True)
    ]
    completions = _ended(text_ids([c for _, c in texts], tokenizer), examples, tokenizer)
    cuts = cuts_of(prompts, completions, [e.row for e in examples], start, max_length)
    tokens = [
        _joined(shorter(prompt, cut, start), completion)
        for prompt, completion, cut in zip(prompts, completions, cuts, strict=True)
    ]
    return tokens, [*cut_notes(cuts, max_length), *_foreign_notes(examples[0], tokenizer)]


def _pairs(
    examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
) -> tuple[list[Tokens], list[str]]:
    """Return preference pairs, both completions after their prompt, cut alike if at all."""
    chosen = [replace(example, rejected=None) for example in examples]
    others = [replace(e, completion=str(e.rejected), rejected=None) for e in examples]
    rows, notes = tokenize(chosen, tokenizer, max_length=max_length)
    rejected, more = tokenize(others, tokenizer, max_length=max_length)
    start = start_ids(tokenizer)
    pairs = []
    for row, other in zip(rows, rejected, strict=True):
        n_prompt = min(row.n_prompt, other.n_prompt)
        one, two = (_with_prompt(side, n_prompt, start) for side in (row, other))
        pairs.append(PairTokens(one.input_ids, n_prompt, two))
    return [*pairs], [*notes, *(f"rejected: {text}" for text in more if text not in notes)]


def _with_prompt(row: Tokens, n_prompt: int, start: list[int]) -> Tokens:
    """Return a row whose prompt has lost its beginning but for `n_prompt` tokens."""
    prompt, completion = row.input_ids[: row.n_prompt], row.input_ids[row.n_prompt :]
    return Tokens(shorter(prompt, row.n_prompt - n_prompt, start) + completion, n_prompt)


def describe(tokens: Sequence[Tokens]) -> dict[str, int]:
    """Return rows, tokens, target tokens (those with a loss) and length percentiles, tokens."""
    lengths = sorted(len(row.input_ids) for row in tokens) or [0]
    ranks = {f"p{p}": lengths[-(-p * len(lengths) // 100) - 1] for p in (50, 90, 99)}
    return {
        "rows": len(tokens),
        "tokens": sum(len(row.input_ids) for row in tokens),
        "target_tokens": sum(len(row.input_ids) - row.n_prompt for row in tokens),
        **ranks,
        "longest": lengths[-1],
    }


def texts_of(example: Example, tokenizer: Tokenizer) -> tuple[str, str]:
    """Return the texts of prompt and completion, the latter of a chat up to its end of turn."""
    if example.messages is None:
        return example.prompt, example.completion
    prompt = chat_text(example.messages[:-1], tokenizer, asks=True)
    whole = chat_text(example.messages, tokenizer, asks=False)
    if not whole.startswith(prompt):
        raise DataError(
            f"The model's chat template writes the chat in row {example.row} differently with and "
            "without its answer, so the answer cannot be told from the prompt.",
            hint="Turn the rows into columns and set text_template.",
        )
    return prompt, whole[len(prompt) :].rstrip("\n")


def _ended(
    completions: list[list[int]], examples: Sequence[Example], tokenizer: Tokenizer
) -> list[list[int]]:
    """Return the completions, each with one end token: the chat template's own, else eos."""
    eos = tokenizer.eos_token_id
    if eos is None:
        raise DataError(
            "The tokenizer has no end token (eos), so the model could not learn to stop.",
            hint="Set tokenizer.eos_token and save the tokenizer with the model.",
        )
    special = special_ids(tokenizer)
    return [
        ids if ids[-1] == eos or (example.messages and ids[-1] in special) else [*ids, eos]
        for ids, example in zip(completions, examples, strict=True)
    ]


def special_ids(tokenizer: Tokenizer) -> set[int]:
    """Return the tokens of a tokenizer that stand for no text, as the end of a turn."""
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(index for index, token in added if token.special)}


def _joined(prompt: list[int], completion: list[int]) -> Tokens:
    # Nothing predicts the first token of a row, so a row without a prompt lends it one.
    return Tokens(prompt + completion, len(prompt) or 1)


def _foreign_notes(example: Example, tokenizer: Tokenizer) -> list[str]:
    """Return a note on special tokens of another model, which this one reads letter by letter."""
    if example.messages is not None:
        return []
    marks = list(dict.fromkeys(MARK.findall(example.prompt + example.completion)))
    foreign = [mark for mark, ids in zip(marks, text_ids(marks, tokenizer), strict=True) if ids[1:]]
    if not foreign:
        return []
    return [f"Plain text to this model, not one token each: {', '.join(foreign)}."]
