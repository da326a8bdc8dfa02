"""What probe steps measured on this machine, kept in the cache and used while it is fresh."""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from ... import machine
from ...catalog.cache import cache_root
from ...errors import SpecError
from ...files import write_json
from ...spec import METHODS, FinetuneSpec
from .changes import changed

FRESH = 14 * 24 * 3600.0
"""Seconds after which a machine is measured again."""

FAR = 3.0
"""How much longer than what was measured a pass may be; a longer one is measured itself."""

KEPT = 200
"""Measurements in the file; the oldest go."""

KIND = (
    "model", "method", "target_modules", "last_layers", "modules_to_save", "adapter_placement",
    "init_lora_weights", "head", "gradient_checkpointing", "precision", "packing", "optim",
)  # fmt: skip
"""Settings that change what a token costs; all others change how many tokens there are."""


@dataclass(frozen=True)
class Calibration:
    """What a pass costs on this machine with these settings."""

    program: float
    """Bytes that the process takes beside weights, gradients and what grows with a pass."""

    token_bytes: float
    """Bytes that a pass keeps for each token, logits apart."""

    pass_seconds: float
    """Seconds of a pass, forward and backward, that do not depend on its tokens."""

    token_seconds: float
    """Seconds of a pass for each token."""

    time: float
    """When it was measured, seconds since 1970."""

    tokens: float = 0.0
    """Tokens of the larger pass that was measured, or of the run's where that takes too long."""

    def says_little_of(self, tokens: float) -> bool:
        """Whether passes of so many tokens are far beyond what was measured."""
        return tokens > FAR * self.tokens


def known(spec: FinetuneSpec) -> Calibration | None:
    """Return what was measured here before for such settings; None where that is not fresh."""
    entry = _read().get(_key(spec))
    found = Calibration(**entry) if entry else None
    return found if found and time.time() - found.time < FRESH else None


def alike(spec: FinetuneSpec) -> list[FinetuneSpec]:
    """Return the settings whose measurements say something of `spec`, its own first."""
    switched = {"gradient_checkpointing": not spec.gradient_checkpointing}
    found = [spec, changed(spec, switched)]
    for method in METHODS:
        with suppress(SpecError):  # the spec's loss does not go with that method
            other = changed(spec, {"method": method})
            found += [other, changed(other, switched)]
    return found


def is_alike(one: FinetuneSpec, other: FinetuneSpec) -> bool:
    """Tell whether what was measured under one spec holds under the other."""
    return _key(one) == _key(other)


def remember(spec: FinetuneSpec, measured: Calibration) -> None:
    """Keep a measurement for later runs; where nothing can be written, they measure again."""
    entries = _read() | {_key(spec): asdict(measured)}
    newest = sorted(entries.items(), key=lambda item: item[1]["time"])[-KEPT:]
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(), dict(newest))
    except OSError:
        return


def _file() -> Any:  # noqa: ANN401 - a path
    return cache_root() / "calibration.json"


def _read() -> dict[str, dict[str, float]]:
    try:
        found: dict[str, dict[str, float]] = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _key(spec: FinetuneSpec) -> str:
    return json.dumps([*_here(), *(getattr(spec, name) for name in KIND)])


@lru_cache(maxsize=1)
def _here() -> list[Any]:
    facts = machine.facts()
    return [facts[name] for name in ("processor", "processors", "python")]
