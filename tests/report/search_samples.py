"""Folders of a search as its processes leave them, with numbers of a plausible one."""

from pathlib import Path

import report_samples as samples

from labkit.files import write_json
from labkit.run import Recorder, Run, create
from labkit.spec import SweepSpec

LOSSES = [0.412, 0.655, None, 0.371, None, 0.398]
"""What each trial reached; None for one that was given up."""

RATES = [3e-4, 2e-5, 4e-6, 6e-4, 1e-6, 9e-4]


def going(root: Path, name="find", **settings) -> Run:
    """Return a search whose first trials have ended; the seventh is at work."""
    space = {"learning_rate": {"low": 1e-6, "high": 1e-3, "log": True}, "batch_size": [8, 16]}
    asked = {"sampler": "random", "n_trials": 8, "search_space": space, **settings}
    spec = SweepSpec.from_mapping(asked)
    run = create(name, "sweep", spec, root=root)
    recorder = samples.Clock(run.path)
    recorder.at(0.5, "start", pid=1)
    trial(run, "default", spec.base, 0.402)
    for number, (loss, rate) in enumerate(zip(LOSSES, RATES, strict=True)):
        drawn = {"learning_rate": rate, "batch_size": (8, 16)[number % 2]}
        trial(run, f"trials/{number:04d}", spec.trial(drawn), loss)
    one = create("0006", "finetune", spec.trial({"learning_rate": 1e-4}), root=run.path / "trials")
    samples.Clock(one.path).at(0.1, "start", pid=1)
    shares = {"learning_rate": 0.9, "batch_size": 0.1}
    recorder.at(60, "importance", n=6, at=2, shares=shares)
    recorder.at(0, "stage", name="trials", done=6, total=8)
    return run


def trial(run: Run, name: str, spec, loss: float | None) -> None:
    """Write the record of one trial of 20 s."""
    folder = run.path / name
    one = create(folder.name, "finetune", spec, root=folder.parent)
    clock = samples.Clock(one.path)
    clock.at(0.1, "start", pid=1)
    for step in (8, 16) if loss is None else (8, 16, 24, 32):
        clock.at(5, "eval", step=step, eval_loss=(loss or 1.9) + (32 - step) / 100)
    if loss is None:
        clock.at(0, "end", status="stopped", pruned=True, problem="Given up.", hint="Nothing.")
    else:
        write_json(one.path / "metrics.json", {"objective": loss})
        clock.at(0, "end", status="done")


def done(root: Path, *, p_value=0.21, difference=0.025, split="test", **settings) -> Run:
    """Return a search that has ended."""
    run = going(root, **settings)
    found = samples.metrics()
    comparison = {
        "metric": "accuracy", "n": 120, "difference": difference, "interval": [-0.02, 0.07],
        "p_value": p_value, "sentence": "The model trial 3 is 2.5 points ahead.",
    }  # fmt: skip
    models = {"base": found["base"], "default": found["tuned"], "trial 3": found["tuned"]}
    metrics = {
        "best": "trials/0003", "metric": "eval_loss", "objective": 0.371,
        "importance": {"n": 6, "at": 2, "shares": {"learning_rate": 0.9, "batch_size": 0.1}},
        "task": "classification", "run": "trial 3", "split": split, "n": 120,
        "labels": samples.LABELS, "models": models, "comparisons": {"default": comparison},
        "is_better": p_value < 0.05 and difference > 0,
    }  # fmt: skip
    write_json(run.path / "metrics.json", metrics)
    Recorder(run.path).emit("end", status="done")
    return run
