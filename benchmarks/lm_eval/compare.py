"""Inside the environment: write the task, let the harness measure, compare row by row."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from labkit import Run, catalog, data
from labkit.errors import RunError
from labkit.evaluation.rows import relabelled

TASK = "labkit_labels"
CLOSE = 1e-3
"""Largest difference between the two programs' probabilities of a label."""


def main() -> int:
    options = arguments()
    run = Run(options.run)
    folder = run.path / "lm_eval"
    docs = documents(run)[: options.limit]
    write_task(folder, docs)
    found = harness(model_arguments(run, options.model), folder, options)
    answers = rows_of(found)
    ours = recorded(run, options.model, len(docs))
    result = comparison(answers, ours, docs)
    result["harness"] = {name: of.get("acc,none") for name, of in found["results"].items()}
    (folder / f"{options.model}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if result["agree"] else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("run", help="a classification run")
    parser.add_argument("--model", choices=("tuned", "base"), default="tuned")
    parser.add_argument("--tasks", default="", help="tasks of the harness to measure as well")
    parser.add_argument("--limit", type=int, help="at most this many rows")
    parser.add_argument("--batch-size", type=int, default=8)
    return parser.parse_args()


def documents(run: Run) -> list[dict[str, Any]]:
    """Return each held-out row as prompt, the labels as they follow it, and the right one."""
    splits = data.load(run.spec)
    if splits.task != "classification" or run.spec.head:
        raise RunError(
            f"The run {run.name!r} does not choose among labels by their likelihood.",
            hint="Name a classification run without head: true.",
        )
    rows = splits.held_out
    forms = [one.completion for one in relabelled(rows[0], rows, splits.labels)]
    return [
        {"prompt": row.prompt, "choices": forms, "gold": splits.labels.index(row.label)}
        for row in rows
    ]


def write_task(folder: Path, docs: list[dict[str, Any]]) -> None:
    """Write the rows and the YAML file that makes them a task of the harness."""
    folder.mkdir(exist_ok=True)
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    (folder / f"{TASK}.yaml").write_text(
        f"task: {TASK}\n"
        "dataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    test: {json.dumps(str(rows))}\n"
        "test_split: test\n"
        "output_type: multiple_choice\n"
        'doc_to_text: "{{prompt}}"\n'
        "doc_to_choice: choices\n"
        "doc_to_target: gold\n"
        'target_delimiter: ""\n'
        "metric_list:\n  - metric: acc\n"
    )


def model_arguments(run: Run, who: str) -> dict[str, Any]:
    """Return what the harness loads: a folder, and an adapter of PEFT on it."""
    base = str(catalog.resolve_model(run.spec.model))
    if who == "base":
        return {"pretrained": base}
    if run.spec.method == "adapter":
        raise RunError(
            f"The run {run.name!r} has bottleneck adapters, which PEFT cannot load.",
            hint="Measure it with labkit alone: %evaluate.",
        )
    if run.spec.method == "full":
        return {"pretrained": str(run.learned)}
    return {"pretrained": base, "peft": str(run.learned)}


def harness(model: dict[str, Any], folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what lm-evaluation-harness found, with each row's likelihoods."""
    import lm_eval
    import torch
    from lm_eval.tasks import TaskManager

    return lm_eval.simple_evaluate(
        model="hf",
        model_args={**model, "dtype": "float32"},
        tasks=[TASK, *filter(None, options.tasks.split(","))],
        task_manager=TaskManager(include_path=str(folder)),
        batch_size=options.batch_size,
        device="cuda" if torch.cuda.is_available() else "cpu",
        log_samples=True,
        bootstrap_iters=0,
    )


def rows_of(found: dict[str, Any]) -> list[list[float]]:
    """Return the log-likelihood in nats of each label after each prompt, in row order."""
    samples = sorted(found["samples"][TASK], key=lambda sample: sample["doc_id"])
    return [[float(score) for score, _ in sample["filtered_resps"]] for sample in samples]


def recorded(run: Run, who: str, n: int) -> dict[str, Any]:
    """Return what labkit measured of the same rows."""
    of = run.metrics[who]
    return {key: of[key][:n] for key in ("predictions", "probabilities", "gold")} | {
        "labels": of["labels"]
    }


def comparison(
    scores: list[list[float]], ours: dict[str, Any], docs: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return how far the two programs agree, row by row."""
    theirs = [shares(row) for row in scores]
    apart = max(
        abs(a - b)
        for row, mine in zip(theirs, ours["probabilities"], strict=True)
        for a, b in zip(row, mine, strict=True)
    )
    answers = [ours["labels"][row.index(max(row))] for row in scores]
    same = sum(a == b for a, b in zip(answers, ours["predictions"], strict=True))
    right = sum(a == b for a, b in zip(answers, ours["gold"], strict=True))
    hits = sum(a == b for a, b in zip(ours["predictions"], ours["gold"], strict=True))
    n = len(docs)
    return {
        "n": n,
        "accuracy_harness": right / n,
        "accuracy_labkit": hits / n,
        "same_answers": same / n,
        "max_probability_difference": apart,
        "agree": same == n and apart <= CLOSE,
    }


def shares(scores: list[float]) -> list[float]:
    """Return log-likelihoods as probabilities that sum to 1 over the labels."""
    top = max(scores)
    raised = [math.exp(score - top) for score in scores]
    return [value / sum(raised) for value in raised]


if __name__ == "__main__":
    sys.exit(main())
