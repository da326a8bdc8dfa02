"""What reached the training and the measuring in the end, kept so that others can check it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from statistics import pstdev

from .. import data
from ..data.tokens import special_ids
from ..evaluation.kinds import Tokenizer
from ..files import write_json
from ..spec import FinetuneSpec
from .job import Job

ROWS = "rows.json"
"""File in a run's folder with a fingerprint of every row's prompt, by split."""


def tell_received(
    job: Job, rows: Mapping[str, Sequence[data.Tokens]], tokenizer: Tokenizer
) -> None:
    """Record what is learned: rows, targets, how many rows end as a turn does, how long they are.

    Args:
        job: The run.
        rows: By split, as the training is given them.
        tokenizer: Knows the tokens that end a turn.
    """
    prints = {split: [_print(row) for row in part] for split, part in rows.items()}
    write_json(job.path / ROWS, prints)
    ends, train = special_ids(tokenizer), rows["train"]
    lengths = [len(row.input_ids) for row in train]
    targets = [len(row.input_ids) - row.n_prompt for row in train]
    job.emit(
        "learns",
        rows=len(train),
        targets=sum(targets),
        targets_spread=pstdev(targets),
        ended=sum(row.input_ids[-1] in ends for row in train),
        longest=max(lengths),
    )


def tell_asked(
    job: Job, spec: FinetuneSpec, examples: Sequence[data.Example], tokenizer: Tokenizer
) -> None:
    """Record the first prompt that a model is asked when it is measured."""
    for first in examples[:1]:
        job.emit("asked", row=first.row, prompt=data.prompt_for(spec, first, tokenizer))


def _print(row: data.Tokens) -> str:
    """Return the fingerprint of a row's prompt."""
    ids = ",".join(map(str, row.input_ids[: row.n_prompt]))
    return sha256(ids.encode()).hexdigest()[:12]
