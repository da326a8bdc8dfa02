"""Inside the environment: the same folders on the processor and on OpenVINO, side by side."""

import argparse
import json
import os
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

import labkit
from labkit.machine import facts, processors
from labkit.runtime import OnnxModel, TextTokenizer, log_softmax
from labkit.runtime.find import find_model

HERE = Path(__file__).resolve().parent
TEXT = Path(labkit.__file__).parent / "export" / "text.txt"
TARGETS = ("cpu", "openvino")
N_NEW = 32
MAX_KL = 0.05
"""Mean divergence up to which the second provider gives the first one's answers."""


def main() -> int:
    options = arguments()
    found = [measured(find_model(name), options) for name in options.models]
    text = page(found, options)
    (options.out / "results.md").write_text(text, encoding="utf-8")
    (options.out / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(text)
    return sum(not one["agrees"] for one in found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("models", nargs="+", help="runs that were optimised, or model folders")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of the timing")
    parser.add_argument("--tokens", type=int, default=512, help="tokens of text compared")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results.md")
    return parser.parse_args()


def measured(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return how far the two providers are apart on a model, and what a token takes on each."""
    rows = text_rows(folder, options.tokens)
    models = {target: OnnxModel(folder, threads=1, target=target) for target in TARGETS}
    found = {"folder": folder.name, "bytes": (folder / "model.onnx.data").stat().st_size}
    found |= apart(models["cpu"], models["openvino"], rows)
    found["fallback"] = models["openvino"].fallback
    found["cpu_seconds"] = timed(models, options.rounds, process_time)
    del models
    models = {target: OnnxModel(folder, threads=processors(), target=target) for target in TARGETS}
    found["wall_seconds"] = timed(models, options.rounds, perf_counter)
    return found | {"agrees": found["kl"] <= MAX_KL}


def text_rows(folder: Path, n_tokens: int) -> list[list[int]]:
    """Return a fixed English text in rows of 128 tokens."""
    ids = TextTokenizer(folder).encode(TEXT.read_text(encoding="utf-8"))[:n_tokens]
    return [ids[start : start + 128] for start in range(0, len(ids), 128)]


def apart(one: OnnxModel, other: OnnxModel, rows: list[list[int]]) -> dict[str, Any]:
    """Return the differences of logits, their divergence in nats, and of greedy tokens."""
    largest, divergence, same = [], [], []
    for row in rows:
        wanted, got = one.logits(row)[0], other.logits(row)[0]
        largest.append(np.abs(wanted - got).max())
        expected, seen = log_softmax(wanted), log_softmax(got)
        divergence += (np.exp(expected) * (expected - seen)).sum(-1).tolist()
        same += (wanted.argmax(-1) == got.argmax(-1)).tolist()
    pairs = [(one.generate(row[:32], N_NEW), other.generate(row[:32], N_NEW)) for row in rows]
    return {
        "max_abs_logit_diff": float(max(largest)),
        "kl": float(np.mean(divergence)),
        "top1": float(np.mean(same)),
        "same_answers": sum(a == b for a, b in pairs),
        "n_answers": len(pairs),
        "n_tokens": len(same),
    }


def timed(models: dict[str, OnnxModel], rounds: int, clock: Any) -> dict[str, dict[str, float]]:
    """Return the seconds of the first token of 128 and of each later one; providers in turns."""
    found: dict[str, list[list[float]]] = {target: [] for target in models}
    for _ in range(rounds):
        for target, model in models.items():
            found[target].append(list(steps(model, clock)))
    return {
        target: {
            "first": min(one[0] for one in times),
            "token": median(second for one in times for second in one[1:]),
        }
        for target, times in found.items()
    }


def steps(model: OnnxModel, clock: Any) -> Iterator[float]:
    prompt = [
        (7919 * i + 13) % model.vocab_size for i in range(min(128, model.context_length // 2))
    ]
    times = [clock(), *(clock() for _ in model.stream(prompt, 1 + N_NEW))]
    yield from (after - before for before, after in pairwise(times))


def page(found: list[dict[str, Any]], options: argparse.Namespace) -> str:
    about = facts()
    names = ("onnxruntime-openvino", "numpy", "tokenizers")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        "# Exported models on OpenVINO's execution provider\n\n"
        "`python benchmarks/openvino/run.py FOLDER …`: each folder, as labkit exported it, opened "
        "twice by the same ONNX Runtime: on its own kernels (cpu) and on OpenVINOExecutionProvider "
        "(device CPU, precision FP32). Compared on a fixed English text, and on the greedy "
        f"continuation of its rows by {N_NEW} tokens. Times: {options.rounds} interleaved rounds; "
        "a prompt of 128 tokens, then one token after the other.\n\n"
        f"{about['processor']}, {about['processors']} processors, load {os.getloadavg()[0]:.1f} at "
        f"the end. {versions}, Python {about['python']}.\n\n"
        f"{_quality(found)}\n{_speed(found)}\n## What OpenVINO does not run\n\n{_left(found)}"
    )


def _quality(found: list[dict[str, Any]]) -> str:
    rows = (
        f"| {one['folder']} | {one['bytes'] / 1e6:.0f} | {one['max_abs_logit_diff']:.2g} "
        f"| {one['kl']:.2g} | {one['top1']:.1%} of {one['n_tokens']} "
        f"| {one['same_answers']} of {one['n_answers']} | {'yes' if one['agrees'] else 'no'} |\n"
        for one in found
    )
    return (
        f"| model | MB | largest logit difference | KL, nats | same next token | same answers "
        f"| agrees (KL ≤ {MAX_KL}) |\n|---|---|---|---|---|---|---|\n{''.join(rows)}"
    )


def _speed(found: list[dict[str, Any]]) -> str:
    head = (
        "| model | provider | token, CPU ms at 1 thread | token, wall ms at all threads "
        "| first token, CPU ms | first token, wall ms |\n|---|---|---|---|---|---|\n"
    )
    rows = []
    for one in found:
        for target in TARGETS:
            cpu, wall = one["cpu_seconds"][target], one["wall_seconds"][target]
            cells = (cpu["token"], wall["token"], cpu["first"], wall["first"])
            numbers = " | ".join(f"{1e3 * seconds:.1f}" for seconds in cells)
            rows.append(f"| {one['folder']} | {target} | {numbers} |\n")
    return head + "".join(rows)


def _left(found: list[dict[str, Any]]) -> str:
    return "".join(
        f"* {one['folder']}: {one['fallback'] or 'it runs every node.'}\n" for one in found
    )


if __name__ == "__main__":
    raise SystemExit(main())
