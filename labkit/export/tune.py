"""Find by measurement how a model runs best on this machine, within a time."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from ..files import write_json
from ..machine import processors
from ..runtime.folder import write_section
from ..runtime.session import SECTION, Settings
from .answering import is_classifier
from .candidates import (
    N_NEW,
    Candidate,
    alternatives,
    by_seconds,
    judged,
    refuse_other_tokens,
    together,
)
from .child import call
from .measure import made_up_prompt
from .work import Emit

N_FINALISTS = 3
"""Settings that are measured again and again beside the usual ones."""


ONE_PASS = "A classification head answers in one pass; its session keeps the usual settings."


@dataclass
class Race:
    """Measures candidates in turns until the time is over."""

    folder: Path
    emit: Emit
    log: Path
    deadline: float
    longest: float = 0.0

    def measure(self, candidate: Candidate, number: int) -> bool:
        """Measure a candidate once more, in a process of its own; tell whether time was left."""
        began = perf_counter()
        if self.longest and began + self.longest > self.deadline:
            return False
        arguments = {"folder": str(self.folder), "settings": asdict(candidate.settings)}
        candidate.rounds[number] = call("tune", "time_settings", log=self.log, **arguments)[0]
        self.longest = max(self.longest, perf_counter() - began)
        self.emit("tune", **candidate.as_json())
        return True


def tune(
    folder: Path, seconds: float, emit: Emit, *, log: Path | None = None, target: str = "cpu"
) -> dict[str, Any]:
    """Search the settings of a model's session and leave the best in its folder.

    Each setting is tried alone, then what was quicker together; the quickest go on in turns with
    the usual ones. These stay unless others are quicker in every round, by more than the noise,
    and give the same tokens.

    Args:
        folder: Holds the model; its `labkit.json` and genai_config.json are written.
        seconds: Time to spend; the usual settings are measured in any case.
        emit: Receives a `tune` event for each measurement.
        log: Output of the measurements is appended here; default: beside the folder.
        target: What the model is made for.

    Returns:
        What metrics.json holds: `seconds`, `candidates` (the quickest first), `winner`, `reason`.
    """
    began = perf_counter()
    log = log or folder.with_name(f"{folder.name}.tune.log")
    race = Race(folder, emit, log, began + seconds)
    usual = Candidate(Settings(target=target))
    if is_classifier(folder):
        return {"seconds": 0.0, "candidates": [], "winner": {}, "reason": ONE_PASS}
    field = [usual, *map(Candidate, alternatives(processors(), target))]
    for candidate in _measured(race, field, 0):
        refuse_other_tokens(candidate, usual)
    rivals = [one for one in field[1:] if one.rounds and not one.refused]
    rivals += [Candidate(one) for one in together(usual, rivals)]
    _finish(race, usual, rivals)
    winner, reason = judged(usual, rivals)
    write_settings(folder, winner.settings)
    new = [one for one in rivals if one not in field]
    seen = sorted((one for one in (*field, *new) if one.rounds), key=by_seconds)
    return {
        "seconds": round(perf_counter() - began, 1),
        "candidates": [one.as_json() for one in seen],
        "winner": winner.settings.as_json(),
        "reason": reason,
    }


def time_settings(folder: str, settings: dict[str, Any], keep: str | None = None) -> dict[str, Any]:
    """Open a model with settings, let it answer twice, return its tokens and their wall seconds.

    Args:
        folder: Of the model.
        settings: `Settings` as JSON.
        keep: Where to save the logits after each token of the prompt, `(n, vocab)`.
    """
    from ..runtime import OnnxModel

    model = OnnxModel(Path(folder), settings=Settings(**settings))
    prompt = made_up_prompt(model.vocab_size, model.context_length, N_NEW)
    first, steps = [], []
    tokens: list[int] = []
    for _ in range(2):  # what is done once, on the first call, is no part of an answer
        times, tokens = [perf_counter()], []
        for token in model.stream(prompt, 1 + N_NEW):
            times.append(perf_counter())
            tokens.append(token)
        first.append(times[1] - times[0])
        steps += [after - before for before, after in pairwise(times[1:])]
    if keep:
        import numpy as np

        np.save(keep, model.logits(prompt)[0])
    found = {"first_token_seconds": min(first), "token_seconds": median(steps)}
    return {**found, "tokens": tokens, "fallback": model.fallback}


def write_settings(folder: Path, settings: Settings) -> None:
    """Write settings for labkit, and for onnxruntime-genai as far as it has the same ones."""
    write_section(folder, SECTION, settings.as_json())
    file = folder / "genai_config.json"
    if not file.is_file():
        return
    config = json.loads(file.read_text(encoding="utf-8"))
    own = config["model"]["decoder"]["session_options"]
    kept = {name: value for name, value in own.items() if name not in _GENAI}
    config["model"]["decoder"]["session_options"] = kept | _for_genai(settings)
    write_json(file, config)


_SPINNING = "session.intra_op.allow_spinning"
_GENAI = (
    "intra_op_num_threads",
    "inter_op_num_threads",
    "graph_optimization_level",
    "enable_cpu_mem_arena",
    "enable_mem_pattern",
    _SPINNING,
)


def _for_genai(settings: Settings) -> dict[str, Any]:
    """Return what differs from the defaults, as onnxruntime-genai's `session_options`."""
    found = {name: value for name, value in settings.as_json().items() if name in _GENAI}
    if level := found.get("graph_optimization_level"):
        found["graph_optimization_level"] = f"ORT_ENABLE_{level.upper()}"
    return found | ({} if settings.allow_spinning else {_SPINNING: "0"})


def _finish(race: Race, usual: Candidate, rivals: list[Candidate]) -> None:
    """Measure the best rivals beside the usual settings, round by round, until time is over."""
    number = 1
    new = [one for one in rivals if not one.rounds]
    best = sorted((one for one in rivals if one.rounds), key=by_seconds)
    finalists = [usual, *new, *best][: 1 + N_FINALISTS]
    while all(race.measure(one, number) for one in finalists):
        for one in finalists:
            refuse_other_tokens(one, usual)
        number += 1


def _measured(race: Race, field: list[Candidate], number: int) -> Iterator[Candidate]:
    """Yield each candidate once it was measured, while half of the time lasts."""
    half = (perf_counter() + race.deadline) / 2
    for candidate in field:
        is_first = candidate is field[0]
        if (not is_first and perf_counter() > half) or not race.measure(candidate, number):
            return
        yield candidate
