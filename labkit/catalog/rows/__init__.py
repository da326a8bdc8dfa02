"""Rows made from the files of a wheel: the same bytes on every machine, nothing executed."""

from collections.abc import Callable, Sequence

from . import commands, papers
from .kinds import Splits

MAKERS: dict[str, Callable[[Sequence[bytes]], Splits]] = {
    "intents": commands.intents,
    "slots": commands.slots,
    "summaries": papers.summaries,
}
"""Name in the catalogue → function from the wheel's files to the rows of each split."""

__all__ = ["MAKERS", "Splits"]
