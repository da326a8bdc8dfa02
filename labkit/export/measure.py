"""How long an answer takes and how much memory it needs, beside PyTorch."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from .child import call
from .tuned import Tuned

N_PROMPT = 128
"""Tokens of the prompt."""

N_NEW = 32
"""Tokens decoded one by one."""


@dataclass(frozen=True)
class Latency:
    """One engine on one model; times are wall-clock."""

    engine: str
    """"onnx" or "torch"."""

    size_bytes: int
    """Weights and graph on the disk."""

    load_seconds: float
    """From the folder to a model that answers; least over the rounds."""

    first_token_seconds: float
    """Prompt of 128 tokens to the first new token; least over the rounds."""

    token_seconds: float
    """One decoded token; median over the tokens of all rounds."""

    token_seconds_min: float
    """The quickest token: what the machine does when nothing else runs."""

    peak_bytes: int
    """Most memory the engine's process held."""

    n_tokens: int
    """Decoded tokens measured."""


def measure_latency(
    onnx: Path, torch: Tuned | None, *, log: Path, rounds: int = 2, threads: int | None = None
) -> list[Latency]:
    """Measure both engines in turns, each round in a process of its own.

    Turns, because a busy machine slows whoever runs at that time; processes of their own, because
    two models at once need more memory than a small machine has.

    Args:
        onnx: Folder of `export_onnx`.
        torch: The same model in PyTorch; None to leave that out.
        log: The processes' output is appended here.
        rounds: How often each is measured.
        threads: Threads of either engine; their own choice when None.
    """
    models: dict[str, Any] = {"onnx": str(onnx)} | ({"torch": torch.as_json()} if torch else {})
    found: dict[str, list[dict[str, Any]]] = {engine: [] for engine in models}
    for _ in range(rounds):
        for engine, model in models.items():
            arguments = {"engine": engine, "model": model, "threads": threads}
            times, peak = call("measure", "time_engine", log=log, **arguments)
            found[engine].append(times | {"peak_bytes": peak})
    sizes = {"onnx": size_bytes(onnx), "torch": _torch_bytes(torch)}
    return [_summary(engine, sizes[engine], found[engine]) for engine in models]


def time_engine(engine: str, model: Any, threads: int | None) -> dict[str, Any]:  # noqa: ANN401
    """Load a model, read a prompt and decode; return the seconds of each part.

    Args:
        engine: "onnx" or "torch".
        model: Its folder, or what `Tuned.as_json` returned.
        threads: Threads; the engine's own choice when None.
    """
    start = perf_counter()
    if engine == "onnx":
        tokens = _onnx_tokens(Path(model), threads)
    else:
        tokens = _torch_tokens(Tuned.from_json(model), threads)
    next(tokens)
    times = [perf_counter()]
    for _ in tokens:
        times.append(perf_counter())
    steps = [after - before for before, after in pairwise(times)]
    return {"load": times[0] - start, "first": steps[0], "tokens": steps[1:]}


def size_bytes(folder: Path) -> int:
    """Return the size of the weights and the graph in a model folder."""
    patterns = ("*.safetensors", "*.onnx", "*.onnx.data")
    return sum(path.stat().st_size for pattern in patterns for path in folder.glob(pattern))


def _prompt(vocab_size: int, context_length: int) -> list[int]:
    """Return made-up but fixed token ids; what they say does not change the time."""
    length = min(N_PROMPT, context_length - N_NEW - 1)
    return [(7919 * i + 13) % vocab_size for i in range(length)]


def _onnx_tokens(folder: Path, threads: int | None) -> Iterator[int]:
    """Yield once when loaded, then after each of `1 + N_NEW` tokens."""
    from ..runtime import OnnxModel

    model = OnnxModel(folder, threads=threads)
    yield -1
    yield from model.stream(_prompt(model.vocab_size, model.context_length), 1 + N_NEW)


def _torch_tokens(tuned: Tuned, threads: int | None) -> Iterator[int]:
    """As `_onnx_tokens`, for a PyTorch model; the prompt's logits are its last only."""
    import torch

    threads = threads or torch.get_num_threads()
    model = tuned.load()
    torch.set_num_threads(threads)  # loading has chosen its own
    yield -1
    config = model.config
    prompt = _prompt(config.vocab_size, config.max_position_embeddings)
    ids, past = torch.tensor([prompt]), None
    with torch.inference_mode():
        for _ in range(1 + N_NEW):
            answer = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
            ids, past = answer.logits[:, -1:].argmax(-1), answer.past_key_values
            yield int(ids)


def _torch_bytes(tuned: Tuned | None) -> int:
    """Return the size of a PyTorch model's weights on the disk, its adapter's included."""
    return sum(map(size_bytes, filter(None, (tuned.base, tuned.learned)))) if tuned else 0


def _summary(engine: str, n_bytes: int, found: list[dict[str, Any]]) -> Latency:
    tokens = [seconds for times in found for seconds in times["tokens"]]
    return Latency(
        engine=engine,
        size_bytes=n_bytes,
        load_seconds=min(times["load"] for times in found),
        first_token_seconds=min(times["first"] for times in found),
        token_seconds=median(tokens),
        token_seconds_min=min(tokens),
        peak_bytes=max(times["peak_bytes"] for times in found),
        n_tokens=len(tokens),
    )
