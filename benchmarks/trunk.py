"""Adapters on the last layers, the layers below computed once, beside adapters on all layers.

Seconds of the first and of each later pass, and accuracy on the held-out rows. The first line has
padded rows, as a plain Trainer; the second packs them, as all lines below. Run it with the
project's environment: `.venv/bin/python benchmarks/trunk.py --limit 256 --epochs 3`.
"""

import argparse
import os
import tempfile
from statistics import median
from typing import Any

import labkit
from labkit.report import SilentView


def main() -> None:
    """Print one table in Markdown."""
    asked = _asked()
    folder = tempfile.mkdtemp()
    os.environ["LABKIT_RUNS"] = folder
    print("| adapters on | trainable | first pass | later pass | faster | accuracy |")
    print("|---|---:|---:|---:|---:|---:|")
    slowest = 0.0
    for name, settings in _contestants(asked.last_layers):
        run = labkit.finetune(
            name=name.replace(" ", "-").replace(",", ""),
            view=SilentView(),
            model=asked.model,
            data=asked.data,
            limit=asked.limit,
            num_train_epochs=asked.epochs,
            eval_steps=10**6,  # the passes alone are timed
            n_samples=0,
            **settings,
        )
        slowest = slowest or median(_passes(run)[1:])
        print(_row(name, run, slowest), flush=True)
    print(f"\nThe records are in {folder}.")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data", default="phrases")
    parser.add_argument("--limit", type=int, default=256, help="training rows")
    parser.add_argument("--epochs", type=int, default=3, help="passes, at least 2")
    parser.add_argument(
        "--last-layers", type=int, nargs="+", default=[10, 5], help="layers that learn"
    )
    return parser.parse_args()


def _contestants(last_layers: list[int]) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("all layers, padded", {"packing": "padded"}),
        ("all layers", {}),
        *((f"the last {count}", {"last_layers": count}) for count in last_layers),
    ]


def _row(name: str, run: labkit.Run, slowest: float) -> str:
    first, *later = _passes(run)
    tuned = run.metrics["tuned"]
    low, high = tuned["interval"]
    return (
        f"| {name} | {run.metrics['adapter']['trainable']:,} | {first:.1f} s | "
        f"{median(later):.1f} s | {slowest / median(later):.1f} × | "
        f"{tuned['accuracy']:.3f} [{low:.3f}, {high:.3f}], n = {tuned['n']} |"
    )


def _passes(run: labkit.Run) -> list[float]:
    """Return the seconds of each pass over the training rows."""
    each = run.of("plan")[0]["steps_per_epoch"]
    seconds = [step["seconds"] for step in run.of("step")]
    return [sum(seconds[at : at + each]) for at in range(0, len(seconds), each)]


if __name__ == "__main__":
    main()
