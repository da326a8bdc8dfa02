"""Settings of making one adapter of several."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from ..errors import SpecError
from ..settings import Spec, setting
from .finetune import FinetuneSpec
from .source import SourceSettings

EQUAL_RANKS = ("linear", "ties", "dare_linear", "dare_ties", "magnitude_prune")
"""Ways that add `A` to `A` and `B` to `B`, and so want one rank."""

WAYS = (
    "cat",
    *EQUAL_RANKS,
    "svd",
    *(f"{way}_svd" for way in EQUAL_RANKS if way != "linear"),
)
"""PEFT's combination types."""

DENSITY = 0.5
"""Share of the values that is kept where nothing is said."""


def check_several(adapters: Sequence[str]) -> None:
    """Refuse fewer than two adapters, and one that is named twice."""
    if len(adapters) < 2 or len(set(adapters)) < len(adapters):
        raise SpecError(
            f"adapters must be two runs or more, each once; got {', '.join(adapters)}.",
            hint="For example tone,intents.",
        )


@dataclass(frozen=True, kw_only=True)
class CombineSettings(Spec):
    """Which adapters become one, and how; the names are those of PEFT."""

    adapters: tuple[str, ...]
    """LoRA runs on one base model, as `tone,intents`."""

    combine: str = setting("cat", choices=WAYS)
    """How: `cat` puts the products side by side, which is their weighted sum; `svd` takes its
    largest directions; `linear` adds `A` to `A` and `B` to `B`; `ties` (Yadav et al., 2023,
    arXiv:2306.01708) and `dare_…` (Yu et al., 2024, arXiv:2311.03099) drop values before."""

    weights: tuple[str, ...] | None = None
    """How much each adapter counts, as `0.7,0.3`; left out: all the same, 1 together."""

    density: float | None = setting(None, above=0, at_most=1, unit="share of the values")
    """Share of the values that ways which drop some keep; left out: 0.5."""

    majority_sign_method: str = setting("total", choices=("total", "frequency"))
    """TIES: which sign wins, that of the larger sum or that of more adapters."""

    svd_rank: int | None = setting(None, at_least=1, at_most=1024, unit="rank")
    """Rank of what `svd` leaves; left out: the largest rank of the adapters."""

    drop_seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """DARE: seed of the values that are dropped."""

    def __post_init__(self) -> None:
        if isinstance(self.weights, list | tuple):
            object.__setattr__(self, "weights", tuple(map(str, self.weights)))
        super().__post_init__()
        check_several(self.adapters)
        self._check_weights()
        pruned = any(word in self.combine for word in ("ties", "dare", "prune"))
        self._goes_with("density", pruned, "ways that drop values, as ties")
        self._goes_with("majority_sign_method", "ties" in self.combine, "ties")
        self._goes_with("svd_rank", self.combine.endswith("svd"), "svd")

    @property
    def shares(self) -> list[float]:
        """How much each adapter counts."""
        n = len(self.adapters)
        return [1 / n] * n if self.weights is None else [float(text) for text in self.weights]

    def _check_weights(self) -> None:
        rule = f"a number for each of the {len(self.adapters)} adapters"
        try:
            is_right = len(self.shares) == len(self.adapters)
            is_right = is_right and all(map(math.isfinite, self.shares)) and any(self.shares)
        except ValueError:
            is_right = False
        if not is_right:
            said = ", ".join(self.weights or ())
            raise SpecError(f"weights must be {rule}; got {said}.", hint="For example 0.7,0.3.")

    def _goes_with(self, name: str, is_taken: bool, what: str) -> None:
        value = getattr(self, name)
        if not is_taken and value != self.__dataclass_fields__[name].default:
            raise SpecError(
                f"{name} goes with {what}; got {value!r} with {self.combine}.",
                hint=f"Leave {name} out.",
            )


@dataclass(frozen=True, kw_only=True)
class CombineSpec(FinetuneSpec, CombineSettings):
    """An adapter made of several: how, and the rows of the first of them, which it is measured on.

    For all that can be done with a tuned model it is a fine-tuning.
    """

    @classmethod
    def of(cls, asked: CombineSettings, first: FinetuneSpec, r: int) -> Self:
        """Return the settings of a combination.

        Args:
            asked: How to combine.
            first: Settings of the first adapter's run.
            r: Rank of the adapter that is made.
        """
        names = [item.name for item in fields(SourceSettings)] + ["seed", "trust_remote_code"]
        source: Mapping[str, Any] = {name: getattr(first, name) for name in names}
        return cls(**asked.as_dict(), **source, r=r, lora_alpha=r, lora_dropout=0.0)
