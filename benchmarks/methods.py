"""All methods on the same rows with the same steps: size, memory, seconds, accuracy; one table.

Run it with the project's environment, alone: `.venv/bin/python benchmarks/methods.py`.
Runs that are there already are read, not repeated. Writes benchmarks/methods.json, methods.md and
docs/pictures/methods.png.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from record import kept_run, png

import labkit

HERE = Path(__file__).resolve().parent
PICTURE = HERE.parent / "docs" / "pictures" / "methods.png"
CASES: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "lora": {},
    "qlora": {"method": "qlora"},
    "dora": {"method": "dora"},
    "rslora": {"method": "rslora"},
    "lora-pissa": {"init_lora_weights": "pissa"},
    "lora-eva": {"init_lora_weights": "eva"},
    "lora-plus": {"loraplus_lr_ratio": 16, "learning_rate": 2e-4},
    "lora-last-10": {"last_layers": 10},
    "lora-head": {"head": True},
    "adapter-houlsby": {"method": "adapter"},
    "adapter-pfeiffer": {"method": "adapter", "adapter_placement": "pfeiffer"},
    "ia3": {"method": "ia3"},
    "prompt-tuning": {"method": "prompt_tuning"},
    "prefix-tuning": {"method": "prefix_tuning"},
}
MIB = 2**20


def main() -> None:
    """Run what is missing, print the table and whether the goals are reached."""
    args = _arguments()
    os.environ["LABKIT_RUNS"] = str(args.runs)
    names = args.only.split(",") if args.only else list(CASES)
    found = {name: row(name, _run(name, args.steps)) for name in names}
    table = markdown(found, args.steps)
    print(table)
    if not args.only:
        (HERE / "methods.json").write_text(json.dumps(found, indent=1) + "\n")
        (HERE / "methods.md").write_text(f"# Methods\n\n{table}\n")
        PICTURE.write_bytes(picture(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="Optimizer steps of each run.")
    parser.add_argument("--runs", type=Path, default=Path("runs/methods"), help="Runs' folder.")
    parser.add_argument("--only", default="", help="Names of some cases, with commas.")
    return parser.parse_args()


def _run(name: str, steps: int) -> labkit.Run:
    shared = {"max_steps": steps, "eval_steps": max(1, steps // 2), "n_samples": 0}
    return kept_run(name, **shared, **CASES[name])


def row(name: str, run: labkit.Run) -> dict[str, Any]:
    """Return a run's figures: counts, bytes, seconds, accuracy with its interval."""
    found = run.metrics
    return {
        "trainable": found["adapter"]["trainable"],
        "peak_bytes": found["training"]["peak_bytes"],
        "seconds": found["training"]["seconds"],
        "bytes": found["adapter"]["bytes"],
        "accuracy": found["tuned"]["accuracy"],
        "interval": found["tuned"]["interval"],
        "base": found["base"]["accuracy"],
        "n": found["n"],
        "learning_rate": run.spec.as_dict()["learning_rate"],
        "packing": found["training"]["packing"],
    }


def markdown(found: dict[str, dict[str, Any]], steps: int) -> str:
    """Return the table, and a line for each goal."""
    n, base = next((of["n"], of["base"]) for of in found.values())
    lines = [
        f"`phrases`, {steps} steps of 8 rows each; accuracy on {n} held-out rows "
        f"(base model {base:.2f}) with its 95 % interval.",
        "",
        "| method | trainable parameters | peak memory | training | on disk | accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for name, of in found.items():
        low, high = of["interval"]
        padded = "" if of["packing"] == "packed" else " (padded rows)"
        lines.append(
            f"| {name} | {of['trainable']:,} | {of['peak_bytes'] / MIB:,.0f} MiB | "
            f"{of['seconds']:.0f} s{padded} | {of['bytes'] / MIB:.1f} MiB | "
            f"**{of['accuracy']:.3f}** [{low:.2f}, {high:.2f}] |"
        )
    return "\n".join([*lines, "", *goals(found)])


def goals(found: dict[str, dict[str, Any]]) -> list[str]:
    """Say of each goal whether it is reached, with the figures."""
    if not {"full", "lora", "qlora"} <= set(found):
        return []
    full, lora, qlora = (found[name] for name in ("full", "lora", "qlora"))
    said = []
    for text, reached in (
        (
            f"LoRA within 3 points of full: {lora['accuracy']:.3f} and {full['accuracy']:.3f}",
            lora["accuracy"] >= full["accuracy"] - 0.03,
        ),
        (
            f"QLoRA within 3 points of LoRA: {qlora['accuracy']:.3f} and {lora['accuracy']:.3f}",
            qlora["accuracy"] >= lora["accuracy"] - 0.03,
        ),
        (
            f"QLoRA's peak memory below LoRA's: {qlora['peak_bytes'] / MIB:.0f} and "
            f"{lora['peak_bytes'] / MIB:.0f} MiB",
            qlora["peak_bytes"] < lora["peak_bytes"],
        ),
    ):
        said.append(f"- {'reached' if reached else 'NOT reached'}: {text}")
    return said


def picture(found: dict[str, dict[str, Any]]) -> bytes:
    """Draw accuracy with its interval beside trainable parameters and memory; returns PNG."""
    from matplotlib.figure import Figure

    names = list(found)[::-1]
    figure = Figure(figsize=(10, 0.42 * len(names) + 1.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True)
    for at, name in enumerate(names):
        of = found[name]
        low, high = of["interval"]
        left.plot([low, high], [at, at], color="#4c78a8", linewidth=3, alpha=0.4)
        left.plot(of["accuracy"], at, "o", color="#4c78a8")
    left.axvline(next(iter(found.values()))["base"], color="#777777", linestyle="--", linewidth=1)
    left.set_xlabel("accuracy (dashed: base model)")
    middle.barh(names, [found[name]["trainable"] for name in names], color="#4c78a8", log=True)
    middle.set_xlabel("trainable parameters (log)")
    right.barh(names, [found[name]["peak_bytes"] / MIB for name in names], color="#e45756")
    right.set_xlabel("peak memory, MiB")
    for axes in (left, middle, right):
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return png(figure)


if __name__ == "__main__":
    main()
