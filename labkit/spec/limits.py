"""What a run may take: a budget of time and memory, and whether a plan may refuse it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import SpecError
from ..settings import Spec
from .times import SECONDS

AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|MB|GB|MiB|GiB)")

BYTES = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True, kw_only=True)
class LimitSettings(Spec):
    """What a run may take."""

    budget: tuple[str, ...] | None = None
    """Time and memory that the run may take, as `5m`, `1.5GB` or `5m,1.5GB`; what has to change for
    it is changed and said."""

    force: bool = False
    """Train even where the plan says that memory will not suffice."""

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = [_kind(text) for text in self.budget or ()]
        if len(set(kinds)) < len(kinds):
            raise SpecError(
                f"budget must name at most one time and one size; got {self.budget!r}.",
                hint="For example: budget: 5m,1.5GB.",
            )

    @property
    def budget_seconds(self) -> float | None:
        """Seconds that the run may take; None for any."""
        return self._budget(SECONDS)

    @property
    def budget_bytes(self) -> float | None:
        """Bytes that the run may take; None for any."""
        return self._budget(BYTES)

    def _budget(self, units: Mapping[str, float]) -> float | None:
        found = (AMOUNT.fullmatch(text.strip()) for text in self.budget or ())
        amounts = [float(one[1]) * units[one[2]] for one in found if one and one[2] in units]
        return amounts[0] if amounts else None


def _kind(text: str) -> str:
    """Return whether a budget is a time or a size."""
    found = AMOUNT.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise SpecError(
            f"budget must be a time (s, m, h) or a size (MB, GB, MiB, GiB); got {text!r}.",
            hint="For example: budget: 5m, budget: 1.5GB, or budget: 5m,1.5GB.",
        )
    return "time" if found[2] in SECONDS else "size"
