"""The rows of a program: as rendered text where its tokenisation is simple, else as token ids."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import data
from ..data.prompts import start_ids, text_ids

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Rows:
    """What the program reads, and the words that read it."""

    lines: list[dict[str, Any]]
    """One row a line, with the split that it is of."""

    words: dict[str, str]
    """What goes into the part that turns a row into tokens."""

    part: str
    """That part's name."""

    n_train: int
    """Rows to train on."""

    @property
    def n_validation(self) -> int:
        """Rows to validate on."""
        return len(self.lines) - self.n_train


def rows_of(splits: data.Splits, tokenizer: Any, max_length: int) -> Rows:  # noqa: ANN401
    """Return the rows to learn and to validate on."""
    found: list[tuple[str, data.Example, data.Tokens]] = []
    for split in SPLITS:
        examples = getattr(splits, split)
        rows, _ = data.tokenize(examples, tokenizer, max_length=max_length)
        found += [(split, *pair) for pair in zip(examples, rows, strict=True)]
    n_train = len(splits.train)
    for end in ("eos", "none"):
        if all(_is_plain(example, row, tokenizer, end) for _, example, row in found):
            lines = [_as_text(split, example, tokenizer) for split, example, _ in found]
            return Rows(lines, _words(tokenizer, end), "rows from text", n_train)
    why = {"why": "Rows that were cut, or whose chat ends in its own way, come as token ids."}
    lines = [
        {"split": split, "input_ids": row.input_ids, "n_prompt": row.n_prompt}
        for split, _, row in found
    ]
    return Rows(lines, why, "rows from ids", n_train)


def jsonl(lines: Sequence[dict[str, Any]]) -> str:
    """Return one JSON object a line."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _as_text(split: str, example: data.Example, tokenizer: Any) -> dict[str, Any]:  # noqa: ANN401
    prompt, completion = data.texts_of(example, tokenizer)
    return {"split": split, "prompt": prompt, "completion": completion}


def _is_plain(
    example: data.Example,
    row: data.Tokens,
    tokenizer: Any,  # noqa: ANN401 - of Transformers
    end: str,
) -> bool:
    """Tell whether the program's few words give the row's very tokens."""
    prompt, completion = text_ids(list(data.texts_of(example, tokenizer)), tokenizer)
    ended = [tokenizer.eos_token_id] if end == "eos" else []
    start = start_ids(tokenizer)
    ids = [*start, *prompt, *completion, *ended]
    return ids == row.input_ids and (len(start) + len(prompt) or 1) == row.n_prompt


def _words(tokenizer: Any, end: str) -> dict[str, str]:  # noqa: ANN401
    prompt = 'tokenizer(row["prompt"], add_special_tokens=False).input_ids'
    start = "[tokenizer.bos_token_id] + " if start_ids(tokenizer) else ""
    return {
        "start_text": start + prompt,
        "end": "    completion += [tokenizer.eos_token_id]\n" if end == "eos" else "",
    }
