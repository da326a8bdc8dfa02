"""A search of 20 short trials on `phrases`: how long it takes, and whether it finds a better spec.

Run it on a quiet machine with the project's environment: `.venv/bin/python benchmarks/sweep.py`;
to try it out: `--trials 2 --epochs 0.05`. The search stays in the folder it names.
"""

import argparse
import os
import tempfile
import time

import labkit
from labkit.report import TextView
from labkit.search import trials_of

SPACE = {
    "learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
    "r": {"low": 4, "high": 64},
    "batch_size": [4, 8, 16],
}


def main() -> None:
    """Print what was found in Markdown."""
    asked = _asked()
    folder = tempfile.mkdtemp()
    os.environ["LABKIT_RUNS"] = folder
    start = time.perf_counter()
    run = labkit.sweep(
        SPACE,
        name="sweep",
        view=TextView(every=60),
        model=asked.model,
        data="phrases",
        eval_split="validation[:60]",
        num_train_epochs=asked.epochs,
        sampler=asked.sampler,
        n_trials=asked.trials,
        timeout=asked.timeout,
    )
    _print(run, (time.perf_counter() - start) / 60)
    print(f"\nThe search is in {folder}.")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=float, default=0.6, help="passes of each trial")
    parser.add_argument("--sampler", default="tpe", choices=["random", "tpe"])
    parser.add_argument("--timeout", default="13m", help="time for trials")
    return parser.parse_args()


def _print(run: labkit.Run, minutes: float) -> None:
    metrics, states = run.metrics, [trial.state for trial in trials_of(run)[1:]]
    found = metrics["comparisons"]["default"]
    print("| trials | given up | minutes | default loss | best loss | best spec |")
    print("|---:|---:|---:|---:|---:|---|")
    spec = ", ".join(f"{name} {value:.3g}" for name, value in metrics["drawn"].items())
    losses = f"{metrics['default_objective']:.3f} | {metrics['objective']:.3f}"
    print(f"| {len(states)} | {states.count('pruned')} | {minutes:.1f} | {losses} | {spec} |\n")
    for name in ("default", metrics["run"]):
        of = metrics["models"][name]
        low, high = of["interval"]
        print(f"{name}: accuracy {of['accuracy']:.3f} [{low:.3f}, {high:.3f}], n = {of['n']}")
    shown = "better by more than chance" if metrics["is_better"] else "not shown to be better"
    print(f"{metrics['run']} beside default: {shown}. {found['sentence']}")


if __name__ == "__main__":
    main()
