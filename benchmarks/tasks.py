"""Each kind of task on real rows: intents, slots, summaries; what minutes of training reach.

Run it with the project's environment, alone on the machine: `.venv/bin/python benchmarks/tasks.py`.
Runs that are there already are read, not repeated. Writes benchmarks/tasks.json, tasks.md and
docs/pictures/tasks.png.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from record import kept_run, png

import labkit

HERE = Path(__file__).resolve().parent
PICTURE = HERE.parent / "docs" / "pictures" / "tasks.png"
CASES: dict[str, dict[str, Any]] = {
    "intents": {"data": "intents", "max_steps": 150},
    "slots": {"data": "slots", "max_steps": 150},
    "summaries": {"data": "summaries", "max_steps": 32, "gradient_accumulation_steps": 4},
}
GOALS = {
    "intents": [("accuracy", 0.80)],
    "slots": [("valid_json", 0.95), ("field_f1", 0.60)],
    "summaries": [("rougeL", None)],  # above lead-1
}


def main() -> None:
    """Run what is missing, print the table and whether the goals are reached."""
    args = _arguments()
    os.environ["LABKIT_RUNS"] = str(args.runs)
    names = args.only.split(",") if args.only else list(CASES)
    runs = {name: kept_run(name, **CASES[name]) for name in names}
    table = markdown(runs)
    print(table)
    if not args.only:
        figures = {name: _figures(name, run) for name, run in runs.items()}
        (HERE / "tasks.json").write_text(json.dumps(figures, indent=1) + "\n")
        (HERE / "tasks.md").write_text(f"# Tasks\n\n{table}\n")
        PICTURE.write_bytes(picture(runs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/tasks"), help="Runs' folder.")
    parser.add_argument("--only", default="", help="Names of some cases, with commas.")
    return parser.parse_args()


def _figures(name: str, run: labkit.Run) -> dict[str, Any]:
    """Return the goal's metrics of base, tuned and baseline, and the minutes of training."""
    found = run.metrics
    models = {"base": found["base"], "tuned": found["tuned"], **found.get("baselines", {})}
    return {
        "n": found["n"],
        "minutes": found["training"]["seconds"] / 60,
        "steps": found["training"]["steps"],
        "metrics": {
            metric: {who: _cell(of, metric) for who, of in models.items()}
            for metric, _ in GOALS[name]
        },
    }


def _cell(of: dict[str, Any], metric: str) -> dict[str, Any] | None:
    found = of.get("metrics", {}).get(metric)
    return found and {"value": found["value"], "interval": found["interval"], "n": found["n"]}


def markdown(runs: dict[str, labkit.Run]) -> str:
    """Return the table, and a line for each goal."""
    lines = [
        "| task | metric | base | lead-1 | tuned | rows | training | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, run in runs.items():
        figures = _figures(name, run)
        for metric, goal in GOALS[name]:
            of = figures["metrics"][metric]
            least = goal if goal is not None else of["lead-1"]["value"]
            reached = "reached" if of["tuned"]["value"] >= least else "NOT reached"
            lines.append(
                f"| {name} | {metric} | {_shown(of['base'])} | {_shown(of.get('lead-1'))} | "
                f"**{_shown(of['tuned'])}** | {of['tuned']['n']} | {figures['minutes']:.1f} min, "
                f"{figures['steps']} steps | {reached}: ≥ {least:.2f} |"
            )
    return "\n".join(lines)


def _shown(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "–"
    low, high = cell["interval"] or (cell["value"], cell["value"])
    return f"{cell['value']:.3f} [{low:.2f}, {high:.2f}]"


def picture(runs: dict[str, labkit.Run]) -> bytes:
    """Draw validation loss against minutes of training, a panel for each task; returns PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(runs), 3.2), layout="constrained")
    panels = figure.subplots(1, len(runs), squeeze=False)[0]
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        minutes = _minutes(run)
        evals = [(minutes[e["step"]], e["eval_loss"]) for e in run.of("eval")]
        axes.plot(*zip(*evals, strict=True), "o--", color="#e45756")
        of = _figures(name, run)["metrics"]
        said = [f"{m}: {f['base']['value']:.2f} → {f['tuned']['value']:.2f}" for m, f in of.items()]
        axes.set_title(name + "\n" + "\n".join(said), fontsize=9)
        axes.set_xlabel("minutes of training")
        axes.set_ylabel("validation loss (nats per token)")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return png(figure)


def _minutes(run: labkit.Run) -> dict[int, float]:
    """Return the minutes of training up to each step."""
    total, at = 0.0, {0: 0.0}
    for step in run.of("step"):
        total += step["seconds"] / 60
        at[step["step"]] = total
    return at


if __name__ == "__main__":
    main()
