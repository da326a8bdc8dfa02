"""What the course shows of itself, as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import report
from ..report.blocks import Block


@dataclass(frozen=True)
class Shown:
    """Blocks that show as text or as HTML."""

    blocks: Sequence[Block]

    def __repr__(self) -> str:
        return report.plain(self.blocks).rstrip()

    def _repr_html_(self) -> str:
        return report.fragment(self.blocks)
