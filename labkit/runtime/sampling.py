"""From logits to the next token: the likeliest, or one drawn at random."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SpecError

Scores = npt.NDArray[np.float64]
Pick = Callable[[npt.NDArray[Any]], int]
"""`(vocab,)` logits → the token taken."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is taken.

    Raises:
        SpecError: A value is beyond its rule.
    """

    temperature: float = 0.0
    """0 takes the likeliest token each time; above, tokens are drawn."""

    top_k: int | None = None
    """Draw among this many of the likeliest tokens only."""

    top_p: float = 1.0
    """Draw among the likeliest tokens that together have this probability (Holtzman et al. 2020,
    "The Curious Case of Neural Text Degeneration")."""

    seed: int = 0
    """Seed of the drawing."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            hint = "0 takes the likeliest token each time; 0.7 is lively."
            raise SpecError(f"temperature must be 0 or more; got {self.temperature!r}.", hint)
        if self.top_k is not None and self.top_k < 1:
            hint = "Leave it out to draw among all tokens."
            raise SpecError(f"top_k must be at least 1 token; got {self.top_k!r}.", hint)
        if not 0 < self.top_p <= 1:
            hint = "1 draws among all tokens, 0.9 leaves the least likely out."
            raise SpecError(f"top_p must be above 0 and at most 1; got {self.top_p!r}.", hint)

    def picker(self) -> Pick:
        """Return the function from `(vocab,)` logits to the token taken; it draws in order."""
        if self.temperature == 0:
            return likeliest
        draw = np.random.default_rng(self.seed)

        def pick(logits: npt.NDArray[Any]) -> int:
            up_to = self.chances(logits).cumsum()
            return int(np.searchsorted(up_to, draw.random() * up_to[-1], side="right"))

        return pick

    def chances(self, logits: npt.NDArray[Any]) -> Scores:
        """Return the probability of each of `(vocab,)` tokens to be drawn.

        The temperature comes first, then `top_k`, then `top_p`, as in Transformers.
        """
        scores = logits.astype(np.float64)
        scores = (scores - scores.max()) / self.temperature
        if self.top_k is not None and self.top_k < len(scores):
            scores[scores < np.partition(scores, -self.top_k)[-self.top_k]] = -np.inf
        chances = _softmax(scores)
        if self.top_p < 1:
            chances[_tail(chances, self.top_p)] = 0
        found: Scores = chances / chances.sum()
        return found


def likeliest(logits: npt.NDArray[Any]) -> int:
    """Return the token with the largest of `(vocab,)` logits."""
    return int(logits.argmax())


def _softmax(scores: Scores) -> Scores:
    raised = np.exp(scores)
    found: Scores = raised / raised.sum()
    return found


def _tail(chances: Scores, top_p: float) -> npt.NDArray[np.int64]:
    """Return the least likely tokens, without which the others still have probability `top_p`."""
    order = chances.argsort(kind="stable")
    beyond = chances[order].cumsum() <= 1 - top_p
    beyond[-1] = False  # the likeliest stays
    found: npt.NDArray[np.int64] = order[beyond]
    return found
