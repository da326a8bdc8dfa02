"""Faults of the rows: what is learned, and what the models are asked afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from ..data import Example, Splits, Tokens
from .fault import Fault


@dataclass(frozen=True)
class PadTokensInLoss(Fault):
    """Rows are padded to the longest one, and the padding is learned as if it were the answer."""

    def rows(self, rows: Sequence[Tokens], pad_token_id: int) -> list[Tokens]:
        """Return rows of equal length whose padding has a loss."""
        longest = max((len(row.input_ids) for row in rows), default=0)
        return [
            replace(row, input_ids=[*row.input_ids, *[pad_token_id] * (longest - size)])
            for row in rows
            if (size := len(row.input_ids))
        ]


@dataclass(frozen=True)
class TruncatedAnswers(Fault):
    """Rows longer than the median are cut at their end, where the answer stands."""

    def rows(self, rows: Sequence[Tokens], pad_token_id: int) -> list[Tokens]:
        """Return rows of at most the median length; each keeps at least one target."""
        most = median_low(len(row.input_ids) for row in rows) if rows else 0
        return [
            replace(row, input_ids=row.input_ids[:most], n_prompt=min(row.n_prompt, most - 1))
            for row in rows
        ]


@dataclass(frozen=True)
class EndTokenMissing(Fault):
    """Completions end without the end token, so that the model never learns to stop."""

    def rows(self, rows: Sequence[Tokens], pad_token_id: int) -> list[Tokens]:
        """Return rows without their last token; an answer of one token keeps it."""
        return [
            replace(row, input_ids=row.input_ids[:-1])
            if len(row.input_ids) - row.n_prompt > 1
            else row
            for row in rows
        ]


@dataclass(frozen=True)
class LeakedTestRows(Fault):
    """Rows that judge the model stand among those that it learns."""

    def splits(self, splits: Splits) -> Splits:
        """Return as many training rows as before, the last ones taken from the held-out rows."""
        leaked = splits.held_out[: len(splits.train) // 2]
        return replace(splits, train=(*splits.train[: len(splits.train) - len(leaked)], *leaked))


@dataclass(frozen=True)
class WrongTemplate(Fault):
    """The models are asked with the bare text, not with the template that was learned."""

    def measured(self, splits: Splits) -> Splits:
        """Return held-out rows whose prompt is only what was filled into the template."""
        return splits.with_held_out([_bare(example) for example in splits.held_out])


def _bare(example: Example) -> Example:
    return replace(example, prompt=f"{example.given}\n", messages=None, given_at=())
