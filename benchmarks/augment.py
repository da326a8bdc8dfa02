"""Few rows, with and without changed copies of them: what augmentation is worth, three seeds each.

Run it with the project's environment, alone: `.venv/bin/python benchmarks/augment.py`.
Runs that are there already are read, not repeated. Writes benchmarks/augment.json and augment.md.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from record import kept_run

import labkit
from labkit.evaluation import paired_difference

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1, 2)
"""Each draws its own 60 training rows, the same for both arms."""

CHANGES = ("swap_words", "drop_words", "typos", "change_case", "drop_punctuation")
ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "augmented": {"augment": CHANGES, "augment_copies": 4},
}


def main() -> None:
    """Run what is missing and print the accuracies and their paired difference."""
    args = _arguments()
    os.environ["LABKIT_RUNS"] = str(args.runs)
    runs = {arm: [_run(arm, seed, args) for seed in SEEDS] for arm in ARMS}
    found = figures(runs)
    table = markdown(found, args)
    print(table)
    (HERE / "augment.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "augment.md").write_text(f"# Augmentation\n\n{table}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=60, help="Training rows of each run.")
    parser.add_argument("--steps", type=int, default=60, help="Optimizer steps of each run.")
    parser.add_argument("--runs", type=Path, default=Path("runs/augment"), help="Runs' folder.")
    return parser.parse_args()


def _run(arm: str, seed: int, args: argparse.Namespace) -> labkit.Run:
    name = f"{arm}-{args.rows}-{args.steps}-{seed}"
    shared = {"limit": args.rows, "max_steps": args.steps, "seed": seed, "n_samples": 0}
    return kept_run(name, eval_steps=max(1, args.steps // 4), **shared, **ARMS[arm])


def figures(runs: dict[str, list[labkit.Run]]) -> dict[str, Any]:
    """Return each arm's accuracies and the paired difference of their means over the seeds."""
    right = {arm: np.array([_right(run) for run in of]) for arm, of in runs.items()}
    names = ("training on the plain rows", "training on the augmented rows")
    means = (right[arm].mean(axis=0) for arm in ("plain", "augmented"))
    paired = paired_difference(*means, names=names)
    return {
        "n": right["plain"].shape[1],
        "accuracy": {arm: [float(row.mean()) for row in rows] for arm, rows in right.items()},
        "difference": float(paired.difference),
        "interval": [float(bound) for bound in paired.interval],
        "p_value": float(paired.p_value),
        "sentence": paired.sentence,
    }


def _right(run: labkit.Run) -> np.ndarray:
    """Return which held-out rows the tuned model answers rightly, `(rows,)` 0 or 1."""
    tuned = run.metrics["tuned"]
    pairs = zip(tuned["predictions"], tuned["gold"], strict=True)
    return np.array([float(answer == gold) for answer, gold in pairs])


def markdown(found: dict[str, Any], args: argparse.Namespace) -> str:
    """Return the accuracies of each seed, and the difference in a sentence."""
    seeds = " | ".join(f"seed {seed}" for seed in SEEDS)
    lines = [f"| training rows | {seeds} | mean |", "|---" * (len(SEEDS) + 2) + "|"]
    names = {"plain": f"{args.rows}", "augmented": f"{args.rows} and 4 changed copies of each"}
    for arm, shares in found["accuracy"].items():
        cells = " | ".join(f"{share:.3f}" for share in shares)
        lines.append(f"| {names[arm]} | {cells} | **{np.mean(shares):.3f}** |")
    lines += [
        "",
        f"Accuracy on {found['n']} held-out phrases after {args.steps} steps of LoRA. Paired by "
        f"row, mean of {len(SEEDS)} seeds: {found['sentence']} p {found['p_value']:.3f}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
