"""Settings near a run's own that need less memory, the mildest change first."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...spec import FinetuneSpec
from .changes import changed
from .forecast import Case, Forecast, forecast

CHEAPER = {"full": "lora", "dora": "lora", "rslora": "qlora", "lora": "qlora"}
"""Methods, each with the next one that needs less memory."""

LENGTHS = (0.75, 0.5, 0.25)
"""Shares of the longest row that are tried."""

SHORTEST = 16
"""Tokens of a row below which nothing is left to learn from."""

LESS = 0.85
"""Suggestions need at most this share of what the run itself would need."""

ASKED = 3
"""Suggestions that are made."""


@dataclass(frozen=True)
class Option:
    """Other settings, and what they need."""

    changes: dict[str, Any]
    """The settings that differ, with their new values."""

    spec: FinetuneSpec
    forecast: Forecast

    def as_dict(self) -> dict[str, Any]:
        """Return the changes and what they need, as JSON values."""
        found = asdict(self.forecast)
        return {"changes": self.changes, "memory": found["memory"], "seconds": found["seconds"]}


def summary(case: Case, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Return what plan.json holds: the forecast, what a budget changed, what would need less.

    Args:
        case: The run.
        changes: Sentences on what was changed.
    """
    found = forecast(case)
    options = lighter(case, min(found.limit, LESS * found.memory.value))
    return {
        "forecast": asdict(found),
        "changes": [*changes],
        "lighter": [one.as_dict() for one in options],
    }


def lighter(case: Case, below: float) -> list[Option]:
    """Return the three nearest settings whose memory surely stays below so many bytes.

    Single changes come first, in the order of what they cost: micro-batches, checkpointing,
    length, method; then the same together.
    """
    found: list[Option] = []
    for kind in _kinds(case):
        options = (_option(case, changes) for changes in kind)
        fits = next((one for one in options if one and one.forecast.memory.high <= below), None)
        if fits and fits.spec not in [one.spec for one in found]:
            found.append(fits)
        if len(found) == ASKED:
            break
    return found


def _kinds(case: Case) -> Iterator[list[dict[str, Any]]]:
    """Yield ways of needing less, each a list of changes from mild to strong."""
    spec = case.spec
    micro, lengths = _micro(spec), _lengths(case)
    again = [] if spec.gradient_checkpointing else [{"gradient_checkpointing": True}]
    again = [] if spec.method == "prefix_tuning" else again
    method = [{"method": CHEAPER[spec.method]}] if spec.method in CHEAPER and not spec.fsdp else []
    smallest = micro[-1:] or [{}]
    yield from (micro, again, lengths, method)
    yield [one | two for one in micro for two in again]
    yield [one | two for one in smallest for two in lengths]
    yield [one | two for one in (micro or [{}]) for two in method]
    yield [one | two | three for one in smallest for two in again for three in method]
    yield [one | two | three for one in smallest for two in again or [{}] for three in lengths]


def _micro(spec: FinetuneSpec) -> list[dict[str, Any]]:
    """Return more and more micro-batches of the same batch."""
    now, of = spec.gradient_accumulation_steps, spec.batch_size
    return [
        {"gradient_accumulation_steps": parts}
        for parts in range(now + 1, of // spec.processes + 1)
        if of % parts == 0
    ]


def _lengths(case: Case) -> list[dict[str, Any]]:
    """Return smaller lengths that leave room for every completion."""
    longest = max(length for length, _ in case.rows.train)
    least = max(SHORTEST, *(length - prompt + 8 for length, prompt in case.rows.train))
    tried = (int(longest * share) for share in LENGTHS)
    return [{"max_length": length} for length in tried if length >= least]


def _option(case: Case, changes: dict[str, Any]) -> Option:
    spec = changed(case.spec, changes)
    return Option(changes, spec, forecast(case.of(spec)))
