"""QLoRA, batch 16: at once, and as 16 micro-batches of one row with recomputed activations.

Prints peak memory and seconds of both runs, and the largest difference of their losses.

    .venv/bin/python benchmarks/accumulation.py [--model smollm2-135m] [--steps 8]
"""

import argparse
import os
import tempfile

import labkit
from labkit.report import SilentView

FRUGAL = {"gradient_accumulation_steps": 16, "gradient_checkpointing": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABKIT_RUNS"] = folder
        losses = [measure(args, name, more) for name, more in (("16", {}), ("16x1", FRUGAL))]
    apart = max(abs(a - b) for a, b in zip(*losses, strict=True))
    print(f"largest difference of the losses: {apart:.1e} nats per token (n = {args.steps} steps)")


def measure(args, name, more):
    """Run once, print a line, and return the loss of each step."""
    shared = {"method": "qlora", "batch_size": 16, "max_steps": args.steps, "limit": 96}
    run = labkit.finetune(
        name=name, view=SilentView(), model=args.model, precision="fp32", n_samples=0,
        eval_steps=args.steps, **shared | more,
    )  # fmt: skip
    training = run.metrics["training"]
    line = f"peak {training['peak_bytes'] / 2**20:.0f} MiB, {training['seconds']:.1f} s"
    print(f"batch {name}: {line}, {training['packing']}")
    return [event["loss"] for event in run.of("step")]


if __name__ == "__main__":
    main()
