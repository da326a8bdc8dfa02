"""Settings of measuring several adapters on the tasks of all of them."""

from dataclasses import dataclass

from ..settings import Spec, setting
from .combine import check_several


@dataclass(frozen=True, kw_only=True)
class CrossSpec(Spec):
    """Settings of measuring every adapter on the held-out rows of every adapter's task."""

    adapters: tuple[str, ...]
    """Runs on one base model, as `tone,intents`; each brings its rows as a task."""

    limit: int = setting(100, at_least=2, unit="rows")
    """Measure on at most this many held-out rows of each task."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the rows that are drawn, and of the bootstrap."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_several(self.adapters)
