"""Session settings that are tried against each other, and which of them won."""

from dataclasses import dataclass, field, replace
from statistics import mean, median, stdev
from typing import Any

from ..runtime.session import Settings

N_NEW = 24
"""Tokens decoded one by one each time settings are measured."""

N_ANSWER = 32
"""Tokens of the answer whose seconds are compared: the first, and the others one by one."""

MIN_ROUNDS = 3
MIN_GAIN = 0.02
"""Share of the usual seconds that settings must save to be worth having."""


@dataclass
class Candidate:
    """Settings, and what was measured of them."""

    settings: Settings
    rounds: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Answers of `time_settings`, by round."""

    refused: str | None = None
    """Why they cannot win, whatever they take."""

    @property
    def seconds(self) -> float:
        """Seconds of an answer, the median over the rounds."""
        return median(map(answer_seconds, self.rounds.values()))

    def as_json(self) -> dict[str, Any]:
        """Return the entry of metrics.json."""
        found = {
            name: median(of[name] for of in self.rounds.values())
            for name in ("token_seconds", "first_token_seconds")
        }
        known = {"settings": self.settings.as_json(), **found, "answer_seconds": self.seconds}
        reason = {"refused": self.refused} if self.refused else {}
        return {**known, "rounds": len(self.rounds), **reason}


def alternatives(n_processors: int, target: str = "cpu") -> list[Settings]:
    """Return the settings to try, each different from the usual ones in one thing."""
    threads = [n for n in range(1, n_processors + 1) if n <= 4 or n in _halves(n_processors)]
    found: list[dict[str, Any]] = [{"intra_op_num_threads": n} for n in threads]
    found += [{"allow_spinning": False}, {"graph_optimization_level": "extended"}]
    found += [{"enable_mem_pattern": False}, {"enable_cpu_mem_arena": False}]
    found += [{"share_cache": False}, {"graph_optimization_level": "basic"}]
    found += [{"inter_op_num_threads": 2}] if n_processors > 1 else []
    return [Settings(target=target, **one) for one in found]


def together(usual: Candidate, rivals: list[Candidate]) -> list[Settings]:
    """Return what was quicker than usual in one; of two values of a setting the quicker."""
    quicker = sorted((one for one in rivals if one.seconds < usual.seconds), key=by_seconds)
    found = usual.settings
    for one in reversed(quicker):
        found = replace(found, **one.settings.as_json())
    return [] if found in [one.settings for one in (usual, *rivals)] else [found]


def judged(usual: Candidate, rivals: list[Candidate]) -> tuple[Candidate, str]:
    """Return the settings to keep, and why."""
    gains = [(one, gain(usual, one)) for one in rivals if not one.refused]
    winners = [(one, won) for one, won in gains if won]
    if winners:
        best, won = max(winners, key=lambda pair: pair[1])
        return best, f"An answer takes {won:.1%} less than with the usual settings."
    n = len(usual.rounds)
    if n < MIN_ROUNDS:
        return usual, f"There was time for {n} of {MIN_ROUNDS} rounds: the usual settings stay."
    return usual, "No settings were quicker by more than the noise: the usual ones stay."


def gain(usual: Candidate, other: Candidate) -> float:
    """Return the share of an answer's seconds that `other` saves; 0 where noise explains it.

    It must be quicker in each round they share, at least three, and on the mean by more than two
    standard errors and `MIN_GAIN`.
    """
    shared = sorted(usual.rounds.keys() & other.rounds.keys())
    before = [answer_seconds(usual.rounds[number]) for number in shared]
    saved = [
        one - answer_seconds(other.rounds[number])
        for one, number in zip(before, shared, strict=True)
    ]
    if len(saved) < MIN_ROUNDS or min(saved) <= 0:
        return 0.0
    is_noise = mean(saved) <= 2 * stdev(saved) / len(saved) ** 0.5
    share = mean(saved) / mean(before)
    return 0.0 if is_noise or share < MIN_GAIN else share


def answer_seconds(found: dict[str, Any]) -> float:
    """Return the wall seconds of an answer of `N_ANSWER` tokens after a prompt of 128."""
    return float(found["first_token_seconds"] + (N_ANSWER - 1) * found["token_seconds"])


def refuse_other_tokens(candidate: Candidate, usual: Candidate) -> None:
    """Refuse settings that change the answer."""
    wanted = next(iter(usual.rounds.values()))["tokens"]
    if any(of["tokens"] != wanted for of in candidate.rounds.values()):
        candidate.refused = "Its tokens are others."


def by_seconds(candidate: Candidate) -> float:
    """Return the key that sorts the quickest first."""
    return candidate.seconds


def _halves(n: int) -> set[int]:
    return {n >> shift for shift in range(n.bit_length())}
