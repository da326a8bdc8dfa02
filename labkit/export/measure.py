"""How long an answer takes and how much memory it needs, beside PyTorch."""

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from .. import machine
from .architectures import context_length
from .child import call
from .tuned import Tuned

N_PROMPT = 128
"""Tokens of the prompt."""

N_NEW = 32
"""Tokens decoded one by one."""


@dataclass(frozen=True)
class Latency:
    """One engine on one model; wall-clock times with all threads, processor times with one."""

    load_seconds: float
    """From the folder to a model that answers; least over the rounds."""

    first_token_seconds: float
    """Prompt of 128 tokens to the first new token; least over the rounds."""

    token_seconds: float
    """One decoded token; median over the tokens of all rounds."""

    token_seconds_min: float
    """The quickest token: what the machine does when nothing else runs."""

    cpu_first_token_seconds: float
    """Processor time of the prompt on one thread; least over the rounds."""

    cpu_token_seconds: float
    """Processor time of one decoded token on one thread; median. A busy machine tells it best."""

    peak_bytes: int
    """Most memory the engine's process held with all threads."""

    n_tokens: int
    """Decoded tokens measured."""


def measure_latency(
    models: Mapping[str, Path | Tuned],
    *,
    log: Path,
    rounds: int = 2,
    threads: int | None = None,
    target: str = "cpu",
) -> dict[str, Latency]:
    """Measure models in turns, each round in a process of its own.

    Turns, because a busy machine slows whoever runs at that time; processes of their own, because
    two models at once need more memory than a small machine has.

    Args:
        models: ONNX folders, and models for PyTorch, by name.
        log: The processes' output is appended here.
        rounds: How often each is measured.
        threads: Threads of the wall-clock part; the engine's own choice when None.
        target: What the ONNX models are made for.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            plain = model.as_json() if isinstance(model, Tuned) else str(model)
            arguments = {"model": plain, "threads": threads, "target": target}
            found[name].append(call("measure", "time_engine", log=log, **arguments)[0])
    return {name: _summary(times) for name, times in found.items()}


def time_engine(model: Any, threads: int | None, target: str) -> dict[str, Any]:  # noqa: ANN401
    """Load a model, read a prompt and decode, twice; return the seconds of each part.

    Args:
        model: An ONNX folder, or what `Tuned.as_json` returned.
        threads: Threads of the first time; the engine's own choice when None.
        target: What an ONNX model is made for.
    """
    start = perf_counter()
    engine = _onnx(Path(model), target) if isinstance(model, str) else _torch(model)
    wall = _times(engine(threads), perf_counter)
    found = {"load": wall["began"] - start, "first": wall["first"], "tokens": wall["tokens"]}
    found["peak_bytes"] = machine.peak_bytes()  # before the second time adds to it
    cpu = _times(engine(1), process_time)
    return found | {"cpu_first": cpu["first"], "cpu_tokens": cpu["tokens"]}


def size_bytes(folder: Path) -> int:
    """Return the size of the weights and the graph in a model folder."""
    patterns = ("*.safetensors", "*.onnx", "*.onnx.data")
    return sum(path.stat().st_size for pattern in patterns for path in folder.glob(pattern))


def _times(tokens: Iterator[int], clock: Callable[[], float]) -> dict[str, Any]:
    """Return when a model was loaded, and what its first token and each later one took."""
    next(tokens)
    times = [clock()]
    for _ in tokens:
        times.append(clock())
    steps = [after - before for before, after in pairwise(times)]
    return {"began": times[0], "first": steps[0], "tokens": steps[1:]}


def made_up_prompt(vocab_size: int, context_length: int, n_new: int = N_NEW) -> list[int]:
    """Return fixed token ids that leave room for `n_new`; what they say does not change times."""
    length = max(1, min(N_PROMPT, context_length - n_new - 1))
    return [(7919 * i + 13) % vocab_size for i in range(length)]


def _onnx(folder: Path, target: str) -> Callable[[int | None], Iterator[int]]:
    """Return a function that yields once when loaded, then after each of `1 + N_NEW` tokens."""

    def tokens(threads: int | None) -> Iterator[int]:
        from ..runtime import OnnxModel

        gc.collect()  # the session before is gone
        where = None if target == "cpu" else target
        model = OnnxModel(folder, threads=threads, target=where)  # a classifier reads tokens too
        yield -1
        yield from model.stream(made_up_prompt(model.vocab_size, model.context_length), 1 + N_NEW)

    return tokens


def _torch(tuned: dict[str, Any]) -> Callable[[int | None], Iterator[int]]:
    """As `_onnx`, for a PyTorch model, which loads once; the prompt's logits are its last only."""
    loaded: list[Any] = []

    def tokens(threads: int | None) -> Iterator[int]:
        import torch

        own = torch.get_num_threads()
        if not loaded:
            loaded.append(Tuned.from_json(tuned).load())
        torch.set_num_threads(threads or own)  # loading has chosen its own
        yield -1
        yield from _torch_tokens(loaded[0])

    return tokens


def _torch_tokens(model: Any) -> Iterator[int]:  # noqa: ANN401 - a torch module
    import torch

    config = model.config
    prompt = made_up_prompt(config.vocab_size, context_length(config))
    ids, past = torch.tensor([prompt]), None
    with torch.inference_mode():
        for _ in range(1 + N_NEW):
            answer = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
            ids, past = answer.logits[:, -1:].argmax(-1), answer.past_key_values
            yield int(ids)


def _summary(found: list[dict[str, Any]]) -> Latency:
    tokens = [seconds for times in found for seconds in times["tokens"]]
    return Latency(
        load_seconds=min(times["load"] for times in found),
        first_token_seconds=min(times["first"] for times in found),
        token_seconds=median(tokens),
        token_seconds_min=min(tokens),
        cpu_first_token_seconds=min(times["cpu_first"] for times in found),
        cpu_token_seconds=median(s for times in found for s in times["cpu_tokens"]),
        peak_bytes=max(times["peak_bytes"] for times in found),
        n_tokens=len(tokens),
    )
