"""Planned beside actual: 24 specs on the real model; memory of the process tree, and time.

Run it with the project's environment, alone: `.venv/bin/python benchmarks/plan.py`. Each spec is a
run of a few steps; runs that are there already are read, not repeated, so it goes on where it was
stopped. Nothing that was measured here before is used: the calibration starts empty, and each
kind of run takes its own probe steps. Writes benchmarks/plan.json and plan.md.
"""

import argparse
import json
import os
from itertools import cycle, product
from pathlib import Path
from typing import Any

from record import kept_run

import labkit
from labkit.catalog import resolve_model
from labkit.catalog.cache import cache_root

HERE = Path(__file__).resolve().parent
MIB = 2**20
WORDS = {"short": 24, "long": 72}
"""Words of a row at least."""

N_ROWS = 48
SHARED = {
    "text_template": "{text}\nTone: {tone}",
    "precision": "fp32",
    "limit": 40,
    "n_samples": 0,
    "eval_steps": 100,
}
CASES: dict[str, dict[str, Any]] = {
    f"{method}, {batch} {length} rows{', checkpointing' * checkpointing}": {
        "method": method,
        "batch_size": batch,
        "data": length,
        "gradient_checkpointing": checkpointing,
    }
    for method, checkpointing, length, batch in product(
        ("full", "lora", "qlora"), (False, True), WORDS, (2, 8)
    )
}
GOALS = {"memory": 0.15, "training": 0.25}
"""How far a plan may be off (share of the actual) in nine of ten specs."""


def main() -> None:
    """Run what is missing, print the table and whether the goals are reached."""
    args = _arguments()
    args.runs.mkdir(parents=True, exist_ok=True)
    os.environ["LABKIT_RUNS"] = str(args.runs.resolve())
    _own_calibration(args.runs)
    names = [name for name in CASES if args.only in name]
    found = {name: row(_run(name, args)) for name in names}
    table = markdown(found, args.steps)
    print(table)
    if not args.only:
        (HERE / "plan.json").write_text(json.dumps(found, indent=1) + "\n")
        (HERE / "plan.md").write_text(f"# Planned beside actual\n\n{table}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4, help="Optimizer steps of each run.")
    parser.add_argument("--runs", type=Path, default=Path("runs/plan"), help="Runs' folder.")
    parser.add_argument("--only", default="", help="Part of the names of some specs.")
    return parser.parse_args()


def _own_calibration(runs: Path) -> None:
    """Use the cache's models and a calibration that holds nothing but this benchmark's."""
    own = (runs / "cache").resolve()
    own.mkdir(exist_ok=True)
    models = own / "models"
    if not models.exists():
        resolve_model("smollm2-135m")  # fetched now if need be, and no part of a run's time
        models.symlink_to(cache_root() / "models")
    os.environ["LABKIT_CACHE"] = str(own)


def _run(name: str, args: argparse.Namespace) -> labkit.Run:
    settings = CASES[name]
    data = _rows(args.runs, settings["data"])
    folder = name.replace(",", "").replace(" ", "-")
    return kept_run(folder, **SHARED, **settings | {"data": str(data), "max_steps": args.steps})


def _rows(runs: Path, length: str) -> Path:
    """Return a file of rows of one length: phrases one after another, and the tone of the last."""
    file = (runs / f"{length}.jsonl").resolve()
    if not file.exists():
        source = cycle(labkit.load_data("phrases").train)
        made = [_row(number, source, WORDS[length]) for number in range(N_ROWS)]
        file.write_text("".join(json.dumps(one) + "\n" for one in made))
    return file


def _row(number: int, source: Any, least: int) -> dict[str, str]:
    words: list[str] = [f"{number}:"]
    while len(words) < least:
        example = next(source)
        words += example.prompt.splitlines()[-2].removeprefix("### Phrase:").split()
    return {"text": " ".join(words), "tone": str(example.label)}


def row(run: labkit.Run) -> dict[str, Any]:
    """Return a run's plan beside what it took."""
    steps = run.of("step")
    return run.metrics["plan"] | {"tokens": sum(s["n_tokens"] for s in steps) / len(steps)}


def markdown(found: dict[str, dict[str, Any]], steps: int) -> str:
    """Return the table, and a line for each goal."""
    lines = [
        f"SmolLM2-135M, {steps} steps a run; memory of the process tree, seconds of all steps.",
        "",
        "| spec | tokens a step | memory: planned | actual | off "
        "| training: planned | actual | off |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, of in found.items():
        memory, training = of["memory"], of["training"]
        lines.append(
            f"| {name} | {of['tokens']:.0f} | {memory['value'] / MIB:,.0f} MiB | "
            f"{memory['actual'] / MIB:,.0f} MiB | {off(memory):+.0%} | {training['value']:.1f} s | "
            f"{training['actual']:.1f} s | {off(training):+.0%} |"
        )
    return "\n".join([*lines, "", *(goal(found, what, share) for what, share in GOALS.items())])


def off(of: dict[str, float]) -> float:
    """Return how far a plan was off, as a share of what was."""
    return of["value"] / of["actual"] - 1


def goal(found: dict[str, dict[str, Any]], what: str, share: float) -> str:
    """Say whether nine of ten plans are near enough, with the figures."""
    near = sum(abs(off(of[what])) <= share for of in found.values())
    reached = "reached" if near >= 0.9 * len(found) else "NOT reached"
    return f"- {reached}: {what} within {share:.0%} in {near} of {len(found)} specs"


if __name__ == "__main__":
    main()
