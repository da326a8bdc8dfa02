"""What a model learns from: rows as tokens, and as the labels of a head where the run has one."""

from collections.abc import Sequence

from .. import data
from ..errors import SpecError
from ..evaluation.kinds import Tokenizer
from ..spec import FinetuneSpec
from .job import Job


def head_labels(spec: FinetuneSpec, splits: data.Splits) -> tuple[str, ...]:
    """Return what a head is to tell apart; nothing where the run has none.

    Raises:
        SpecError: The rows have no labels.
    """
    if spec.head and splits.task != "classification":
        raise SpecError(
            f"head must be false for task {splits.task!r}; got true.",
            hint="A head on the last token can only choose among labels; see task.",
        )
    return tuple(splits.labels) if spec.head else ()


def for_head(
    rows: Sequence[data.Tokens], examples: Sequence[data.Example], labels: Sequence[str]
) -> list[data.Tokens]:
    """Return rows that end with the number of their label, or as they are without a head."""
    if not labels:
        return list(rows)
    numbers = {label: number for number, label in enumerate(labels)}
    return [
        data.Tokens([*row.input_ids[: row.n_prompt], numbers[str(example.label)]], row.n_prompt)
        for row, example in zip(rows, examples, strict=True)
    ]


def tokens(
    job: Job, splits: data.Splits, tokenizer: Tokenizer, max_length: int
) -> dict[str, list[data.Tokens]]:
    """Tokenise all rows, none is refused late; record what was cut and one whole example."""
    rows = {}
    for split in ("train", "validation", "test"):
        rows[split], cut = data.tokenize(getattr(splits, split), tokenizer, max_length=max_length)
        job.notes([f"{split}: {text}" for text in cut])
    job.notes(splits.notes)
    first = rows["train"][0]
    job.emit(
        "example",
        prompt=tokenizer.decode(first.input_ids[: first.n_prompt]),
        completion=tokenizer.decode(first.input_ids[first.n_prompt :]),
        n_tokens=len(first.input_ids),
        n_target_tokens=len(first.input_ids) - first.n_prompt,
        chat=splits.train[0].messages is not None,
    )
    job.emit("data", **{split: len(part) for split, part in rows.items()})
    return rows
