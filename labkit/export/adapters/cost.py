"""What an adapter costs: time per token of the same base without inputs, with none, with each."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from ... import machine
from ...runtime import OnnxModel
from ..measure import N_NEW, made_up_prompt

PLAIN, NONE = "plain", "none"
"""The graph without inputs for adapters, and the graph with them while nothing is switched on."""

ROUNDS = 2


def token_costs(plain: str, folder: str, adapters: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return the median seconds of a decoded token, as `{"cpu_token_seconds", "token_seconds"}`.

    CPU time is taken with one thread, token by token in turns, so that all see the same machine;
    wall time with all of them, in rounds, since sessions of several threads disturb each other.

    Args:
        plain: The base's folder as it was before it took adapters.
        folder: The base that takes them.
        adapters: File of each adapter by its name.
    """
    cpu = _in_turns(_views(plain, folder, adapters, threads=1))
    wall = _in_rounds(_views(plain, folder, adapters, threads=machine.processors()))
    return {
        name: {"cpu_token_seconds": median(cpu[name]), "token_seconds": median(wall[name])}
        for name in cpu
    }


def _views(
    plain: str, folder: str, adapters: Mapping[str, str], threads: int
) -> dict[str, OnnxModel]:
    base = OnnxModel(Path(folder), threads=threads)
    switched = {name: base.using(Path(file)) for name, file in adapters.items()}
    return {PLAIN: OnnxModel(Path(plain), threads=threads), NONE: base, **switched}


def _in_turns(views: Mapping[str, OnnxModel]) -> dict[str, list[float]]:
    """Return the CPU seconds of each token; every model decodes one before any decodes two."""
    streams = {name: _tokens(model) for name, model in views.items()}
    for stream in streams.values():
        next(stream)
    times: dict[str, list[float]] = {name: [] for name in views}
    for _ in range(N_NEW):
        for name, stream in streams.items():
            times[name].append(_seconds(stream, process_time))
    return times


def _in_rounds(views: Mapping[str, OnnxModel]) -> dict[str, list[float]]:
    """Return the wall-clock seconds of each token."""
    times: dict[str, list[float]] = {name: [] for name in views}
    for _ in range(ROUNDS):
        for name, model in views.items():
            stream = _tokens(model)
            next(stream)
            times[name] += [_seconds(stream, perf_counter) for _ in range(N_NEW)]
    return times


def _tokens(model: OnnxModel) -> Iterator[int]:
    """Read a made-up prompt and return its continuation."""
    return model.stream(made_up_prompt(model.vocab_size, model.context_length), 1 + N_NEW)


def _seconds(stream: Iterator[int], clock: Callable[[], float]) -> float:
    start = clock()
    next(stream)
    return clock() - start
