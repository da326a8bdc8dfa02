"""Faults on purpose and sound runs, each diagnosed: how many are found, how many false alarms.

Run it with the project's environment, alone: `.venv/bin/python benchmarks/diagnose.py`.
Runs that are there already are read, not repeated. Writes benchmarks/diagnose.json and diagnose.md.
Seeds are 11 and up: the rules were written looking at other ones.
"""

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

import labkit
from labkit.faults import FAULTS

HERE = Path(__file__).resolve().parent
FOUND = {"rate_times_100": "rate_too_high", "wrong_template": "template_mismatch"}
"""What a fault is to be found as, where the finding has another name."""

SOUND: dict[str, dict[str, Any]] = {
    "lora-11": {"seed": 11},
    "lora-12": {"seed": 12, "r": 8, "lora_alpha": 16},
    "lora-13": {"seed": 13, "batch_size": 16},
    "lora-14": {"seed": 14, "lr_scheduler_type": "linear", "lora_dropout": 0.05},
    "full-15": {"seed": 15, "method": "full"},
    "qlora-16": {"seed": 16, "method": "qlora"},
    "dora-17": {"seed": 17, "method": "dora"},
    "rslora-18": {"seed": 18, "method": "rslora"},
    "adapter-19": {"seed": 19, "method": "adapter"},
    "head-20": {"seed": 20, "head": True},
}
"""Sound runs: the settings that each has beside the shared ones."""

EXPORTED = "lora-11"
"""The sound run whose copies are exported with a fault."""


def main() -> None:
    """Run what is missing, print the table, and write it when it is whole."""
    args = _arguments()
    os.environ["LABKIT_RUNS"] = str(args.runs)
    names = args.only.split(",") if args.only else [*FAULTS, *SOUND]
    shared: dict[str, Any] = {"max_steps": args.steps, "n_samples": 3}
    shared |= {"limit": args.limit} if args.limit else {}
    found = {name: row(name, _run(name, shared, args.first_seed)) for name in names}
    table = markdown(found, args.steps)
    print(table)
    if not (args.only or args.limit):
        (HERE / "diagnose.json").write_text(json.dumps(found, indent=1) + "\n")
        (HERE / "diagnose.md").write_text(f"# Diagnosis\n\n{table}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="Optimizer steps of each run.")
    parser.add_argument("--limit", type=int, help="Training rows; left out: all.")
    parser.add_argument("--runs", type=Path, default=Path("runs/diagnose"), help="Runs' folder.")
    parser.add_argument("--only", default="", help="Names of some faults and runs, with commas.")
    parser.add_argument("--first-seed", type=int, default=31, help="Seed of the first fault.")
    return parser.parse_args()


def _run(name: str, shared: dict[str, Any], first_seed: int) -> labkit.Run:
    """Return a sound run, or one with the fault of this name."""
    if name in SOUND:
        return _kept(name, None, shared | SOUND[name])
    if FAULTS[name].job == "finetune":
        return _kept(name, name, shared | {"seed": first_seed + list(FAULTS).index(name)})
    sound = _kept(EXPORTED, None, shared | SOUND[EXPORTED])
    copy = sound.path.parent / name
    if not copy.exists():
        shutil.copytree(sound.path, copy, ignore=shutil.ignore_patterns("onnx*", "checkpoints"))
    export = copy / "onnx"
    if export.exists() and labkit.Run(export).last("end") is None:
        shutil.rmtree(export)  # one that was killed: a fault goes into a new export only
    if not export.exists():
        _until_ended(labkit.optimize, labkit.Run(name), fault=name, precision=("fp32", "int8"))
    return labkit.Run(name)


def _kept(name: str, fault: str | None, settings: dict[str, Any]) -> labkit.Run:
    """Return the run of this name: ended before, as done or as failed, resumed, or new."""
    try:
        run = labkit.Run(name)
    except labkit.LabError:
        _until_ended(labkit.finetune, name=name, fault=fault, **settings)
        return labkit.Run(name)
    if (run.last("start", "end") or {"kind": "start"})["kind"] != "end":
        _until_ended(labkit.resume, name)
    return run


def _until_ended(do: Any, *args: Any, **kwargs: Any) -> None:
    """Call a front; a run that fails is one that a diagnosis is asked about too."""
    try:
        do(*args, **kwargs)
    except labkit.LabError as error:
        print(f"{kwargs.get('name') or args[0]}: {error.problem}")


def row(name: str, run: labkit.Run) -> dict[str, Any]:
    """Return what was to be found in a run, and what a diagnosis found."""
    wanted = [] if name in SOUND else [FOUND.get(name, name)]
    found = labkit.diagnose(run).diagnosis
    tuned = run.metrics.get("tuned", {})
    return {
        "wanted": wanted,
        "found": found.names,
        "right": set(wanted) <= set(found.names) if wanted else not found.findings,
        "status": run.status,
        "accuracy": tuned.get("accuracy"),
        "seed": run.spec.as_dict()["seed"],
        "sentences": [finding.sentence for finding in found.findings],
    }


def markdown(found: dict[str, dict[str, Any]], steps: int) -> str:
    """Return the table, and how many faults were found and how many alarms were false."""
    lines = [
        f"`phrases`, {steps} steps of each run; a fault is found where its name is among the "
        "findings, and any finding on a sound run is a false alarm.",
        "",
        "| run | seed | ended | accuracy | found | |",
        "|---|---:|---|---:|---|---|",
    ]
    for name, of in found.items():
        accuracy = "–" if of["accuracy"] is None else f"{of['accuracy']:.3f}"
        said = ", ".join(of["found"]) or "nothing"
        verdict = "right" if of["right"] else "missed" if of["wanted"] else "false alarm"
        lines.append(
            f"| {name} | {of['seed']} | {of['status']} | {accuracy} | {said} | {verdict} |"
        )
    faults = [of for of in found.values() if of["wanted"]]
    sound = [of for of in found.values() if not of["wanted"]]
    more = sum(len(of["found"]) > 1 for of in faults)
    return "\n".join([
        *lines,
        "",
        f"- found: {sum(of['right'] for of in faults)} of {len(faults)} faults; beside the fault "
        f"something else in {more}",
        f"- false alarms: {sum(not of['right'] for of in sound)} on {len(sound)} sound runs",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
