"""What a fault can change of a job; one that changes nothing is no fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import Splits, Tokens
from ..spec import FinetuneSpec

if TYPE_CHECKING:
    from torch import nn

Batch = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A job as it should be; each fault overrides the one thing that it spoils."""

    job: str = "finetune"
    """The job that it goes into: `finetune` or `optimize`."""

    methods: tuple[str, ...] = ()
    """Methods that it goes with; empty for all."""

    takes_head: bool = True
    """Whether it goes with a classification head."""

    exports_adapter = True
    """Whether what was learned goes into the exported model."""

    @property
    def sentence(self) -> str:
        """What is wrong, for whoever has found it out."""
        return str(type(self).__doc__).splitlines()[0]

    def splits(self, splits: Splits) -> Splits:
        """Return the rows of a run."""
        return splits

    def rows(self, rows: Sequence[Tokens], pad_token_id: int) -> list[Tokens]:
        """Return the rows of a split as the training is given them."""
        return list(rows)

    def ready(self, model: nn.Module, spec: FinetuneSpec) -> FinetuneSpec:
        """Return the settings that a model, ready to learn, goes on with."""
        return spec

    @property
    def batch(self) -> Callable[[Batch], Batch] | None:
        """What is done to each batch; None for nothing."""
        return None

    def measured(self, splits: Splits) -> Splits:
        """Return the rows that the models are measured on."""
        return splits

    def exported(self, folder: Path) -> None:
        """Change an export that is done, in its run's folder."""
